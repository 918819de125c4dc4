-- The jobs on which the caller's claims hold, locked, and whether they are to stop.
SELECT id, cancel_requested
FROM {jobs}
JOIN {rows held: held_id id, held_token int} ON id = held_id AND token = held_token
WHERE lease_holder = :holder
{lock jobs}
