-- Leases the first due jobs of a lane, by the index jobs_queue: those that `lane_rows` has just read.
UPDATE {jobs}
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
WHERE id IN (
    SELECT id
    FROM {jobs}
    WHERE state = 'queued' AND task_id = :task_id AND job_executor = :job_executor AND priority = :priority
        AND run_at <= :now
    ORDER BY run_at, id
    LIMIT :limit
)
