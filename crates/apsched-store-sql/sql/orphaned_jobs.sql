-- Running jobs whose lease has expired, or whose holder is known to be gone; earliest end of the lease first. Reads the index
-- jobs_running, which holds running jobs alone.
SELECT {columns job}
FROM {jobs} AS jobs
WHERE state = 'running' AND (lease_until <= :now OR lease_holder IN (SELECT other FROM {rows others: other text}))
ORDER BY lease_until, id
LIMIT :limit
{lock free jobs}
