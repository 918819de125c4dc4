-- The jobs on which the caller's claims hold, locked, and whether they are to stop.
SELECT id, cancel_requested
FROM {rows held: held_id id, held_token int}
STRAIGHT_JOIN {jobs} FORCE INDEX (PRIMARY) ON id = held_id AND token = held_token
WHERE lease_holder = :holder
{lock jobs}
