-- The jobs on which the caller's claims hold, locked.
SELECT {columns job}
FROM {jobs} AS jobs
JOIN {rows held: held_id id, held_token int} ON id = held_id AND token = held_token
WHERE lease_holder = :holder
{lock jobs}
