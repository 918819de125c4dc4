-- The first due jobs of a lane, by the index jobs_queue; passes over those that another scheduler is taking at this moment.
SELECT id, run_at
FROM {jobs} AS jobs
WHERE state = 'queued' AND task_id = :task_id AND job_executor = :job_executor AND priority = :priority AND run_at <= :now
ORDER BY run_at, id
LIMIT :limit
{lock free jobs}
