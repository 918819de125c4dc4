-- Prolongs the leases of claims that hold.
UPDATE {jobs}
JOIN {rows held: held_id id, held_token int} ON id = held_id AND token = held_token
SET lease_until = :until
WHERE lease_holder = :holder
