-- The rows of some tasks, declared or not, locked in order of id: who holds the lock of a task alone starts its jobs.
SELECT id, definition
FROM {tasks} AS tasks
WHERE id IN (SELECT wanted_id FROM {rows wanted: wanted_id text})
ORDER BY id
{lock tasks}
