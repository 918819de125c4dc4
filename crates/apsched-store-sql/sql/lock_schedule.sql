-- One schedule, locked.
SELECT {columns schedule}
FROM {schedules} AS schedules
WHERE id = :id
{lock schedules}
