-- Prolongs the leases of claims that hold.
UPDATE {jobs}
SET lease_until = :until
FROM {rows held: held_id id, held_token int}
WHERE id = held_id AND token = held_token AND lease_holder = :holder
RETURNING id, cancel_requested
