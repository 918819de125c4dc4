-- Which of some schedules have a queued or running job: one look into the index jobs_fire_time for each.
SELECT wanted_id
FROM {rows wanted: wanted_id text}
WHERE (
    SELECT 1 FROM {jobs}
    WHERE schedule_id = wanted_id AND state <> 'quarantined'
    ORDER BY schedule_id, fire_time LIMIT 1
) IS NOT NULL
