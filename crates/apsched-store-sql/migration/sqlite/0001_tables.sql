-- Tasks, schedules, jobs and results. Instants are microseconds since 1970, UTC; a lease's holder is name/run.

CREATE TABLE {meta} (
    id INTEGER PRIMARY KEY,
    schema_version INTEGER NOT NULL,
    removed_schedule_token INTEGER NOT NULL
);

INSERT INTO {meta} (id, schema_version, removed_schedule_token) VALUES (1, 0, 0);

CREATE TABLE {tasks} (
    id TEXT NOT NULL PRIMARY KEY,
    max_running_jobs INTEGER,
    definition TEXT
) WITHOUT ROWID;

CREATE TABLE {schedules} (
    id TEXT NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL,
    trigger_definition TEXT NOT NULL,
    custom_triggers TEXT,
    settings TEXT NOT NULL,
    payload_serializer TEXT,
    payload BLOB,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    next_fire_time INTEGER,
    last_fire_time INTEGER,
    fires INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    token INTEGER NOT NULL,
    lease_holder TEXT,
    lease_until INTEGER
);

CREATE INDEX {index schedules_due} ON {schedules} (next_fire_time, id) WHERE state = 'active';
CREATE INDEX {index schedules_finished} ON {schedules} (id) WHERE state = 'finished';

CREATE TABLE {jobs} (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    task_id TEXT NOT NULL,
    job_executor TEXT NOT NULL,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    schedule_id TEXT,
    fire_time INTEGER,
    created_at INTEGER NOT NULL,
    start_deadline INTEGER,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    lease_holder TEXT,
    lease_until INTEGER,
    cancel_requested INTEGER NOT NULL,
    settings TEXT,
    progress TEXT,
    quarantine_reason TEXT,
    payload_serializer TEXT,
    payload BLOB
) WITHOUT ROWID;

CREATE INDEX {index jobs_queue} ON {jobs} (task_id, job_executor, priority, run_at, id) WHERE state = 'queued';
CREATE INDEX {index jobs_running} ON {jobs} (task_id, lease_until) WHERE state = 'running';
CREATE INDEX {index jobs_deadline} ON {jobs} (start_deadline) WHERE state = 'queued' AND start_deadline IS NOT NULL;
CREATE UNIQUE INDEX {index jobs_fire_time} ON {jobs} (schedule_id, fire_time) WHERE schedule_id IS NOT NULL;

CREATE TABLE {job_payloads} (
    job_id BLOB NOT NULL PRIMARY KEY,
    payload BLOB NOT NULL
);

CREATE TABLE {job_results} (
    job_id BLOB NOT NULL PRIMARY KEY,
    task_id TEXT NOT NULL,
    schedule_id TEXT,
    fire_time INTEGER,
    outcome TEXT NOT NULL,
    payload_serializer TEXT,
    payload BLOB,
    error TEXT,
    attempt INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX {index job_results_expiry} ON {job_results} (expires_at);
