-- Inserts the rows that are missing of some tasks, so that there is something to lock: nobody has declared them yet.
INSERT INTO {tasks} (id, max_running_jobs)
{values missing: missing_id text, limit_of_unknown int}
ON DUPLICATE KEY UPDATE id = {tasks}.id
