-- Prolongs the leases of claims that hold; their jobs are found as those that end.
UPDATE {jobs}
SET lease_until = :until
WHERE id = ANY({array held: held_id id}) AND lease_holder = :holder
    AND ((id, token) IN (SELECT held_id, held_token FROM {rows held: held_id id, held_token int})) IS TRUE
RETURNING id, cancel_requested
