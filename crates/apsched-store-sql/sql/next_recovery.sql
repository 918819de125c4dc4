-- When the next lease on a job ends, by the index jobs_running; and the first start deadline, by the index jobs_deadline.
SELECT
    (SELECT MIN(lease_until) FROM {jobs} WHERE state = 'running'),
    (SELECT MIN(start_deadline) FROM {jobs} WHERE state = 'queued' AND start_deadline IS NOT NULL)
