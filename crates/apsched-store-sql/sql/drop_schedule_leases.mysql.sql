-- Drops the claims of earlier runs on schedules that were found to have one, if they still have it. Found by id: an update that looks
-- for them itself waits on MySQL for every row that somebody has locked.
UPDATE {rows held: held_id text, held_by text}
STRAIGHT_JOIN {schedules} FORCE INDEX (PRIMARY) ON id = held_id
SET lease_holder = NULL, lease_until = NULL, token = token + 1
WHERE lease_holder = held_by
