-- Ends jobs on which the caller's claims hold: they leave the queue. Tells also which are of tasks with a limit, for whose slots
-- others may wait.
DELETE FROM {jobs}
WHERE lease_holder = :holder AND (id, token) IN (SELECT held_id, held_token FROM {rows held: held_id id, held_token int})
RETURNING
    {columns ended job},
    (SELECT COUNT(*) FROM {tasks} AS tasks WHERE tasks.id = task_id AND max_running_jobs IS NULL)
