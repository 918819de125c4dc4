-- Removes schedules.
DELETE removed
FROM {rows gone: gone_id text}
STRAIGHT_JOIN {schedules} AS removed FORCE INDEX (PRIMARY) ON id = gone_id
