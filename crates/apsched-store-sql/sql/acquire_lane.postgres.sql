-- Leases the first due jobs of a lane, by the index jobs_queue; passes over those that another scheduler is taking. None, if the task
-- has got a limit meanwhile: then they are to be counted.
UPDATE {jobs}
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
WHERE id {among}
    SELECT id
    FROM {jobs} AS jobs
    WHERE state = 'queued' AND task_id = :task_id AND job_executor = :job_executor AND priority = :priority
        AND run_at <= :now
        AND EXISTS (SELECT 1 FROM {tasks} WHERE {tasks}.id = :task_id AND max_running_jobs IS NULL)
    ORDER BY run_at, id
    LIMIT :limit
    {lock free jobs}
{end among}
RETURNING {columns job}
