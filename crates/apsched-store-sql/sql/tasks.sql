-- Every declared task, by id.
SELECT id, definition
FROM {tasks}
WHERE definition IS NOT NULL
ORDER BY id
