-- Prolongs the leases of claims that hold. Locks them in order of id, so that two who lock some of the same wait for each other
-- only one way.
UPDATE {jobs}
SET lease_until = :until
WHERE id {among}
    SELECT id
    FROM {rows held: held_id id, held_token int}
    JOIN {jobs} AS jobs ON id = held_id AND token = held_token
    WHERE lease_holder = :holder
    ORDER BY id
    {lock jobs}
{end among}
RETURNING id, cancel_requested
