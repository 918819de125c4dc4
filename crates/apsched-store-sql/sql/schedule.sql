-- One schedule.
SELECT {columns schedule}
FROM {schedules}
WHERE id = :id
