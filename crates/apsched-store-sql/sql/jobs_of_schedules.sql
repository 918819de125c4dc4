-- The jobs of some schedules, by the index jobs_fire_time. Locks none: who wants to, locks them by id.
SELECT id
FROM {rows wanted: wanted_id text}
{then} {jobs} AS jobs {by index jobs_fire_time} ON schedule_id = wanted_id
WHERE state <> 'quarantined'
