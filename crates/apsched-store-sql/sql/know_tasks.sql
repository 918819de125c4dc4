-- Rows for tasks that nobody has declared yet, so that there is something to lock.
INSERT INTO {tasks} (id, max_running_jobs)
SELECT known_id, limit_of_unknown
FROM {rows known: known_id text, limit_of_unknown int}
WHERE known_id IS NOT NULL
ON CONFLICT (id) DO NOTHING
