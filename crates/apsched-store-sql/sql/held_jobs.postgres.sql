-- The jobs on which the caller's claims hold, locked; found as those that end.
SELECT {columns job}
FROM {jobs} AS jobs
WHERE id = ANY({array held: held_id id}) AND lease_holder = :holder
    AND ((id, token) IN (SELECT held_id, held_token FROM {rows held: held_id id, held_token int})) IS TRUE
{lock jobs}
