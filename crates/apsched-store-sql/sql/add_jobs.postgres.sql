-- Queues jobs, but for those whose id is there or has a kept result, and those whose fire time has a job.
INSERT INTO {jobs} (
    state, attempt, token, cancel_requested, id, task_id, job_executor, priority, run_at, schedule_id, fire_time,
    created_at, start_deadline, settings, payload_serializer, payload
)
SELECT
    'queued', 0, 0, 0, new_id, task, executor, prio, due, schedule, fire, created, deadline, setting, serializer, body
FROM {rows job: new_id id, task text, executor text, prio int, due int, schedule text, fire int, created int, deadline int, setting json, serializer text, body bytes}
WHERE NOT EXISTS (SELECT 1 FROM {job_results} WHERE job_id = new_id)
ON CONFLICT DO NOTHING
RETURNING id
