-- Leases jobs that are locked.
UPDATE {jobs}
JOIN {rows acquired: acquired_id id} ON id = acquired_id
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
WHERE state = 'queued'
