-- Leases schedules that are locked.
UPDATE {rows due: due_id text}
STRAIGHT_JOIN {schedules} FORCE INDEX (PRIMARY) ON id = due_id
SET token = token + 1, lease_holder = :holder, lease_until = :until
