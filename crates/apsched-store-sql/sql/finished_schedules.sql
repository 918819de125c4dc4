-- Finished schedules without a queued or running job, locked.
SELECT id, task_id, token
FROM {schedules} AS schedules
WHERE state = 'finished'
    AND NOT EXISTS (SELECT 1 FROM {jobs} AS jobs WHERE jobs.schedule_id = schedules.id AND jobs.state <> 'quarantined')
ORDER BY id
LIMIT :limit
{lock free schedules}
