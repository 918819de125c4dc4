-- Queues jobs.
INSERT INTO {jobs} (
    id, state, attempt, token, cancel_requested, task_id, job_executor, priority, run_at, schedule_id, fire_time,
    created_at, start_deadline, settings, payload_serializer, payload
)
{values job: new_id id, state text, attempt int, token int, cancel int, task text, executor text, prio int, due int, schedule text, fire int, created int, deadline int, setting json, serializer text, body bytes}
ON DUPLICATE KEY UPDATE id = {jobs}.id
