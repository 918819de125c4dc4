-- What is needed of a schedule to remove it, locked.
SELECT id, task_id, token
FROM {schedules} AS schedules
WHERE id = :id
{lock schedules}
