-- Takes jobs that are locked out of the queue.
DELETE removed
FROM {rows gone: gone_id id}
STRAIGHT_JOIN {jobs} AS removed FORCE INDEX (PRIMARY) ON id = gone_id
