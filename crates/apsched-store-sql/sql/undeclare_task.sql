-- Forgets what was declared; the row stays, to be locked.
UPDATE {tasks}
SET max_running_jobs = :max_running_jobs, definition = NULL
WHERE id = :id AND definition IS NOT NULL
