-- Queues direct jobs that differ in ids and payloads alone, but for those whose id is there or has a kept result.
INSERT INTO {jobs} (
    state, attempt, token, cancel_requested, id, task_id, job_executor, priority, run_at, created_at, start_deadline,
    settings, payload_serializer, payload
)
SELECT
    'queued', 0, 0, 0, new_id, :task_id, :job_executor, :priority, :run_at, :created_at, :start_deadline,
    :settings, :payload_serializer, body
FROM {rows job: new_id id, body bytes}
WHERE new_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {job_results} WHERE job_id = new_id)
ON CONFLICT DO NOTHING
