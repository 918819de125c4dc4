-- Leases the first due jobs of a lane, by the index jobs_queue; passes over those that another scheduler is taking.
WITH first AS MATERIALIZED (
    SELECT id AS first_id
    FROM {jobs} AS jobs
    WHERE state = 'queued' AND task_id = :task_id AND job_executor = :job_executor AND priority = :priority
        AND run_at <= :now
    ORDER BY run_at, id
    LIMIT :limit
    {lock free jobs}
)
UPDATE {jobs}
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
FROM first
WHERE id = first_id
RETURNING {columns job}
