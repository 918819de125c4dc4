-- The jobs of a schedule, locked.
SELECT state, {columns ended job}
FROM {jobs} AS jobs
WHERE schedule_id = :schedule_id AND state <> 'quarantined'
ORDER BY id
{lock jobs}
