-- Leases jobs that were read within the transaction.
UPDATE {jobs}
SET state = 'running', attempt = attempt + 1, token = token + 1, lease_holder = :holder, lease_until = :until
WHERE id IN (SELECT acquired_id FROM {rows acquired: acquired_id id}) AND state = 'queued'
