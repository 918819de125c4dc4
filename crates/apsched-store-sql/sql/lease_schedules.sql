-- Leases schedules that were read within the transaction.
UPDATE {schedules}
SET token = token + 1, lease_holder = :holder, lease_until = :until
WHERE id IN (SELECT due_id FROM {rows due: due_id text})
