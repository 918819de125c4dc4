-- Queued jobs whose start deadline has passed, by the index jobs_deadline.
SELECT {columns job}
FROM {jobs} AS jobs
WHERE state = 'queued' AND start_deadline < :now
ORDER BY start_deadline, id
LIMIT :limit
{lock free jobs}
