-- Gives back schedules that were just leased, to those who can plan them. As after every claim their tokens have grown: who held
-- one before, and let its lease expire, has lost it.
UPDATE {schedules}
SET lease_holder = NULL, lease_until = NULL
WHERE id IN (SELECT unplanned_id FROM {rows unplanned: unplanned_id text})
