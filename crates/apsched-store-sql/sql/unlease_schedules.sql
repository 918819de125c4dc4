-- Gives back schedules that were just leased, to those who can plan them.
UPDATE {schedules}
SET lease_holder = NULL, lease_until = NULL
WHERE id IN (SELECT unplanned_id FROM {rows unplanned: unplanned_id text})
