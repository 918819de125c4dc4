-- Limit, running jobs and whether jobs wait, of some tasks. Running jobs are counted by the index jobs_running, and only where
-- there is a limit; whether jobs wait is one look into the index jobs_queue.
SELECT
    tasks.id,
    tasks.max_running_jobs,
    CASE WHEN tasks.max_running_jobs IS NULL THEN 0 ELSE (
        SELECT COUNT(*) FROM {jobs} AS jobs WHERE jobs.state = 'running' AND jobs.task_id = tasks.id
    ) END,
    CASE WHEN tasks.max_running_jobs IS NULL THEN 0 WHEN (
        SELECT 1 FROM {jobs} AS jobs
        WHERE jobs.state = 'queued' AND jobs.task_id = tasks.id
        ORDER BY jobs.task_id, jobs.job_executor, jobs.priority LIMIT 1
    ) IS NULL THEN 0 ELSE 1 END
FROM {tasks} AS tasks
WHERE tasks.id IN (SELECT wanted_id FROM {rows wanted: wanted_id text})
ORDER BY tasks.id
