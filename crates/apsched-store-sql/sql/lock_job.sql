-- One job, locked.
SELECT state, {columns ended job}
FROM {jobs} AS jobs
WHERE id = :id
{lock jobs}
