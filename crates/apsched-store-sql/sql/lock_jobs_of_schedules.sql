-- Locks the jobs of some schedules, in order of id.
SELECT id
FROM {jobs} AS jobs
WHERE schedule_id IN (SELECT wanted_id FROM {rows wanted: wanted_id text}) AND state <> 'quarantined'
ORDER BY id
{lock jobs}
