-- Ends jobs on which the caller's claims hold: they leave the queue. Locks them in order of id, so that two who lock some of
-- the same wait for each other only one way. Tells also which
-- are of tasks with a limit, for whose slots others may wait.
DELETE FROM {jobs}
WHERE id {among}
    SELECT id
    FROM {rows held: held_id id, held_token int}
    JOIN {jobs} AS jobs ON id = held_id AND token = held_token
    WHERE lease_holder = :holder
    ORDER BY id
    {lock jobs}
{end among}
RETURNING
    {columns ended job},
    (SELECT COUNT(*) FROM {tasks} AS tasks WHERE tasks.id = task_id AND max_running_jobs IS NULL)
