-- Ends jobs on which the caller's claims hold: they leave the queue.
DELETE FROM {jobs}
WHERE lease_holder = :holder AND (id, token) IN (SELECT held_id, held_token FROM {rows held: held_id id, held_token int})
RETURNING {columns ended job}
