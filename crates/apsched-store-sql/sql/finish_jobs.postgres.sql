-- Ends jobs on which the caller's claims hold: they leave the queue. They are found by their ids alone, and the claims looked
-- up in a hash (IS TRUE keeps them from being joined): whatever the planner believes of the table, each job is visited once.
DELETE FROM {jobs}
WHERE id = ANY({array held: held_id id}) AND lease_holder = :holder
    AND ((id, token) IN (SELECT held_id, held_token FROM {rows held: held_id id, held_token int})) IS TRUE
RETURNING {columns ended job}
