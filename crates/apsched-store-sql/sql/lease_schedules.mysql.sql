-- Leases schedules that are locked.
UPDATE {schedules}
JOIN {rows due: due_id text} ON id = due_id
SET token = token + 1, lease_holder = :holder, lease_until = :until
