-- The first due jobs of a lane as they are before they are leased, by the index jobs_queue. None, if the task has got a limit
-- meanwhile: then they are to be counted.
SELECT {columns job}
FROM {jobs}
WHERE state = 'queued' AND task_id = :task_id AND job_executor = :job_executor AND priority = :priority
    AND run_at <= :now
    AND EXISTS (SELECT 1 FROM {tasks} WHERE {tasks}.id = :task_id AND max_running_jobs IS NULL)
ORDER BY run_at, id
LIMIT :limit
