-- Leases jobs that are locked.
UPDATE {rows acquired: acquired_id id}
STRAIGHT_JOIN {jobs} FORCE INDEX (PRIMARY) ON id = acquired_id
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
WHERE state = 'queued'
