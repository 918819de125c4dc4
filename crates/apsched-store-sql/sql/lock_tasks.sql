-- The rows of some tasks, declared or not, locked in order of id: who holds the lock of a task alone starts its jobs.
SELECT id, definition, max_running_jobs
FROM {rows wanted: wanted_id text}
{then} {tasks} AS tasks {by id} ON id = wanted_id
ORDER BY id
{lock tasks}
