-- Prolongs the leases of claims that hold.
UPDATE {rows held: held_id id, held_token int}
STRAIGHT_JOIN {jobs} FORCE INDEX (PRIMARY) ON id = held_id AND token = held_token
SET lease_until = :until
WHERE lease_holder = :holder
