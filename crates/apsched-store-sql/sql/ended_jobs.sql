-- The jobs on which the caller's claims hold, locked, as they are to be ended. Tells also which are of tasks with a limit, for whose
-- slots others may wait.
SELECT
    {columns ended job},
    (SELECT COUNT(*) FROM {tasks} AS tasks WHERE tasks.id = task_id AND max_running_jobs IS NULL)
FROM {rows held: held_id id, held_token int}
{then} {jobs} AS jobs {by id} ON id = held_id AND token = held_token
WHERE lease_holder = :holder
{lock jobs}
