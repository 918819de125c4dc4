-- The kept result of a job.
SELECT
    job_id, task_id, schedule_id, fire_time, outcome, payload_serializer, payload, error, attempt, started_at,
    finished_at, expires_at
FROM {job_results}
WHERE job_id = :id
