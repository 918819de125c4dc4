-- Tasks, schedules, jobs and results. Instants are microseconds since 1970, UTC; a lease's holder is name/run.

CREATE TABLE IF NOT EXISTS {meta} (
    id BIGINT PRIMARY KEY,
    schema_version BIGINT NOT NULL,
    removed_schedule_token BIGINT NOT NULL
) ENGINE = InnoDB;

INSERT INTO {meta} (id, schema_version, removed_schedule_token) VALUES (1, 0, 0) ON DUPLICATE KEY UPDATE id = 1;

CREATE TABLE IF NOT EXISTS {tasks} (
    id VARBINARY(255) PRIMARY KEY,
    max_running_jobs BIGINT,
    definition LONGTEXT CHARACTER SET utf8mb4
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS {schedules} (
    id VARBINARY(255) PRIMARY KEY,
    task_id VARBINARY(255) NOT NULL,
    trigger_definition LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
    custom_triggers BLOB,
    settings LONGTEXT CHARACTER SET utf8mb4 NOT NULL,
    payload_serializer VARBINARY(255),
    payload LONGBLOB,
    created_at BIGINT NOT NULL,
    state VARBINARY(12) NOT NULL,
    state_reason LONGTEXT CHARACTER SET utf8mb4,
    next_fire_time BIGINT,
    last_fire_time BIGINT,
    fires BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    token BIGINT NOT NULL,
    lease_holder VARBINARY(272),
    lease_until BIGINT,
    KEY {index schedules_due} (state, next_fire_time, id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS {jobs} (
    id BINARY(16) PRIMARY KEY,
    state VARBINARY(12) NOT NULL,
    task_id VARBINARY(255) NOT NULL,
    job_executor VARBINARY(255) NOT NULL,
    priority BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    schedule_id VARBINARY(255),
    fire_time BIGINT,
    created_at BIGINT NOT NULL,
    start_deadline BIGINT,
    attempt BIGINT NOT NULL,
    token BIGINT NOT NULL,
    lease_holder VARBINARY(272),
    lease_until BIGINT,
    cancel_requested BIGINT NOT NULL,
    settings LONGTEXT CHARACTER SET utf8mb4,
    progress LONGTEXT CHARACTER SET utf8mb4,
    quarantine_reason LONGTEXT CHARACTER SET utf8mb4,
    payload_serializer VARBINARY(255),
    payload LONGBLOB,
    KEY {index jobs_queue} (state, task_id, job_executor, priority, run_at, id),
    KEY {index jobs_running} (state, task_id, lease_until),
    KEY {index jobs_deadline} (state, start_deadline),
    UNIQUE KEY {index jobs_fire_time} (schedule_id, fire_time)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS {job_payloads} (
    job_id BINARY(16) PRIMARY KEY,
    payload LONGBLOB NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS {job_results} (
    job_id BINARY(16) PRIMARY KEY,
    task_id VARBINARY(255) NOT NULL,
    schedule_id VARBINARY(255),
    fire_time BIGINT,
    outcome VARBINARY(32) NOT NULL,
    payload_serializer VARBINARY(255),
    payload LONGBLOB,
    error LONGTEXT CHARACTER SET utf8mb4,
    attempt BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY {index job_results_expiry} (expires_at)
) ENGINE = InnoDB;
