-- The schedules that a filter lets through, by next fire time (none last), then id.
SELECT {columns schedule}
FROM {schedules}
WHERE (:task_id IS NULL OR task_id = :task_id) AND (:state IS NULL OR state = :state)
ORDER BY next_fire_time IS NULL, next_fire_time, id
LIMIT :limit
