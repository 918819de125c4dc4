-- Limit, running jobs and whether jobs wait, of some tasks; running jobs are counted by the index jobs_running, and only where
-- there is a limit.
SELECT
    tasks.id,
    tasks.max_running_jobs,
    CASE WHEN tasks.max_running_jobs IS NULL THEN 0 ELSE (
        SELECT COUNT(*) FROM {jobs} AS jobs WHERE jobs.state = 'running' AND jobs.task_id = tasks.id
    ) END,
    CASE WHEN EXISTS (
        SELECT 1 FROM {jobs} AS jobs WHERE jobs.state = 'queued' AND jobs.task_id = tasks.id
    ) THEN 1 ELSE 0 END
FROM {tasks} AS tasks
WHERE tasks.id IN (SELECT wanted_id FROM {rows wanted: wanted_id text})
ORDER BY tasks.id
