-- Removes the payloads of jobs that ended.
DELETE removed
FROM {rows gone: gone_id id}
STRAIGHT_JOIN {job_payloads} AS removed FORCE INDEX (PRIMARY) ON job_id = gone_id
