-- Rows for tasks that nobody has declared yet, so that there is something to lock.
INSERT INTO {tasks} (id, max_running_jobs)
{values known: known_id text, limit_of_unknown int}
ON DUPLICATE KEY UPDATE id = {tasks}.id
