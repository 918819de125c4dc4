-- A task as it is declared now.
INSERT INTO {tasks} (id, max_running_jobs, definition)
VALUES (:id, :max_running_jobs, :definition)
ON DUPLICATE KEY UPDATE max_running_jobs = :max_running_jobs, definition = :definition
