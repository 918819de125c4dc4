-- A task as it is declared now.
INSERT INTO {tasks} (id, max_running_jobs, definition)
VALUES (:id, :max_running_jobs, :definition)
ON CONFLICT (id) DO UPDATE
SET max_running_jobs = excluded.max_running_jobs, definition = excluded.definition
