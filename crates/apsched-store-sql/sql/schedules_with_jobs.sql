-- Which of some schedules have a queued or running job, by the index jobs_fire_time.
SELECT DISTINCT schedule_id
FROM {jobs}
WHERE schedule_id IN (SELECT wanted_id FROM {rows wanted: wanted_id text}) AND state <> 'quarantined'
