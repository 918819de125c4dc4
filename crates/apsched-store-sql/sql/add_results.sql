-- Keeps results.
INSERT INTO {job_results} (
    job_id, task_id, schedule_id, fire_time, outcome, payload_serializer, payload, error, attempt, started_at,
    finished_at, expires_at
)
SELECT ended_id, task, schedule, fire, ended_as, serializer, body, failure, attempts, started, finished, expires
FROM {rows result: ended_id id, task text, schedule text, fire int, ended_as text, serializer text, body bytes, failure json, attempts int, started int, finished int, expires int}
WHERE ended_id IS NOT NULL
ON CONFLICT (job_id) DO NOTHING
