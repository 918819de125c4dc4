-- The lanes in which jobs wait that the caller can run: one for each task, executor and priority, with the first time at which
-- a job of it is due. Priorities are found one after another, each by one look into the index jobs_queue, so neither the
-- number of jobs nor a saturated task in front costs anything.
{endless}
WITH RECURSIVE lane (task, executor, prio) AS (
    SELECT
        wanted_task,
        wanted_executor,
        (
            SELECT priority FROM {jobs}
            WHERE state = 'queued' AND task_id = wanted_task AND job_executor = wanted_executor
            ORDER BY priority DESC LIMIT 1
        )
    FROM {rows task: wanted_task text}
    CROSS JOIN {rows executor: wanted_executor text}
    UNION ALL
    SELECT
        task,
        executor,
        (
            SELECT priority FROM {jobs}
            WHERE state = 'queued' AND task_id = task AND job_executor = executor AND priority < prio
            ORDER BY priority DESC LIMIT 1
        )
    FROM lane
    WHERE prio IS NOT NULL
)
SELECT {endless hint}
    task,
    executor,
    prio,
    (
        SELECT run_at FROM {jobs}
        WHERE state = 'queued' AND task_id = task AND job_executor = executor AND priority = prio
        ORDER BY run_at LIMIT 1
    ),
    CASE WHEN tasks.id IS NULL THEN 0 ELSE 1 END,
    tasks.max_running_jobs
FROM lane
LEFT JOIN {tasks} AS tasks ON tasks.id = task
WHERE prio IS NOT NULL
