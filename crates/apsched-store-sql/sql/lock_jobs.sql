-- Some jobs, locked in order of id.
SELECT state, {columns ended job}
FROM {rows wanted: wanted_id id}
{then} {jobs} AS jobs {by id} ON id = wanted_id
WHERE state <> 'quarantined'
ORDER BY id
{lock jobs}
