-- The jobs on which the caller's claims hold, locked in order of id.
SELECT {columns job}
FROM {rows held: held_id id, held_token int}
{then} {jobs} AS jobs {by id} ON id = held_id AND token = held_token
WHERE lease_holder = :holder
ORDER BY id
{lock jobs}
