-- What a release of schedules looks at, locked in order of id.
SELECT id, task_id, revision, token, lease_holder, fires, last_fire_time, next_fire_time
FROM {schedules} AS schedules
JOIN {rows wanted: wanted_id text} ON id = wanted_id
ORDER BY id
{lock schedules}
