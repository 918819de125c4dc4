-- One declared task.
SELECT id, definition
FROM {tasks}
WHERE id = :id AND definition IS NOT NULL
