-- Inserts the rows that are missing of some tasks, so that there is something to lock: nobody has declared them yet.
INSERT INTO {tasks} (id, max_running_jobs)
SELECT missing_id, limit_of_unknown
FROM {rows missing: missing_id text, limit_of_unknown int}
WHERE missing_id IS NOT NULL
ON CONFLICT (id) DO NOTHING
