-- The queued and running jobs that a filter lets through, by id.
SELECT {columns job}
FROM {jobs}
WHERE state <> 'quarantined' AND (:state IS NULL OR state = :state)
    AND (:task_id IS NULL OR task_id = :task_id) AND (:schedule_id IS NULL OR schedule_id = :schedule_id)
ORDER BY id
LIMIT :limit
