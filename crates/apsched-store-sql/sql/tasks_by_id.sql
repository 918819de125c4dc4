-- Some declared tasks.
SELECT id, definition
FROM {tasks}
WHERE id IN (SELECT wanted_id FROM {rows wanted: wanted_id text}) AND definition IS NOT NULL
