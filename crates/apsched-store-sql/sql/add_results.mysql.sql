-- Keeps results.
INSERT INTO {job_results} (
    job_id, task_id, schedule_id, fire_time, outcome, payload_serializer, payload, error, attempt, started_at,
    finished_at, expires_at
)
{values result: id id, task text, schedule text, fire int, outcome text, serializer text, body bytes, error json, attempt int, started int, finished int, expires int}
ON DUPLICATE KEY UPDATE job_id = {job_results}.job_id
