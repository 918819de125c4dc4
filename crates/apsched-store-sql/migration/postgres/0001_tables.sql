-- Tasks, schedules, jobs and results. Instants are microseconds since 1970, UTC; a lease's holder is name/run.

CREATE TABLE {meta} (
    id BIGINT PRIMARY KEY,
    schema_version BIGINT NOT NULL,
    removed_schedule_token BIGINT NOT NULL
);

INSERT INTO {meta} (id, schema_version, removed_schedule_token) VALUES (1, 0, 0);

CREATE TABLE {tasks} (
    id TEXT COLLATE "C" PRIMARY KEY,
    max_running_jobs BIGINT,
    definition TEXT
);

CREATE TABLE {schedules} (
    id TEXT COLLATE "C" PRIMARY KEY,
    task_id TEXT COLLATE "C" NOT NULL,
    trigger_definition TEXT NOT NULL,
    custom_triggers TEXT,
    settings TEXT NOT NULL,
    payload_serializer TEXT,
    payload BYTEA,
    created_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    state_reason TEXT,
    next_fire_time BIGINT,
    last_fire_time BIGINT,
    fires BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    token BIGINT NOT NULL,
    lease_holder TEXT COLLATE "C",
    lease_until BIGINT
) WITH (fillfactor = 70);

CREATE INDEX {index schedules_due} ON {schedules} (next_fire_time, id) WHERE state = 'active';
CREATE INDEX {index schedules_finished} ON {schedules} (id) WHERE state = 'finished';

CREATE TABLE {jobs} (
    id UUID PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL,
    task_id TEXT COLLATE "C" NOT NULL,
    job_executor TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    schedule_id TEXT COLLATE "C",
    fire_time BIGINT,
    created_at BIGINT NOT NULL,
    start_deadline BIGINT,
    attempt BIGINT NOT NULL,
    token BIGINT NOT NULL,
    lease_holder TEXT COLLATE "C",
    lease_until BIGINT,
    cancel_requested BIGINT NOT NULL,
    settings TEXT,
    progress TEXT,
    quarantine_reason TEXT,
    payload_serializer TEXT,
    payload BYTEA
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX {index jobs_queue} ON {jobs} (task_id, job_executor, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX {index jobs_running} ON {jobs} (task_id, lease_until) WHERE state = 'running';
CREATE INDEX {index jobs_deadline} ON {jobs} (start_deadline) WHERE state = 'queued' AND start_deadline IS NOT NULL;
CREATE UNIQUE INDEX {index jobs_fire_time} ON {jobs} (schedule_id, fire_time) WHERE schedule_id IS NOT NULL;

CREATE TABLE {job_payloads} (
    job_id UUID PRIMARY KEY,
    payload BYTEA NOT NULL
);

CREATE TABLE {job_results} (
    job_id UUID PRIMARY KEY,
    task_id TEXT COLLATE "C" NOT NULL,
    schedule_id TEXT COLLATE "C",
    fire_time BIGINT,
    outcome TEXT COLLATE "C" NOT NULL,
    payload_serializer TEXT,
    payload BYTEA,
    error TEXT,
    attempt BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX {index job_results_expiry} ON {job_results} (expires_at);
