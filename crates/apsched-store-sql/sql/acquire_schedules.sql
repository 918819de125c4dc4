-- Leases due schedules that nobody holds, the earliest first, by the index schedules_due; passes over those that another
-- scheduler is taking at this moment.
WITH due AS MATERIALIZED (
    SELECT id AS due_id
    FROM {schedules} AS schedules
    WHERE state = 'active' AND next_fire_time <= :now AND (lease_until IS NULL OR lease_until <= :now)
    ORDER BY next_fire_time, id
    LIMIT :limit
    {lock free schedules}
)
UPDATE {schedules}
SET token = token + 1, lease_holder = :holder, lease_until = :until
FROM due
WHERE id = due_id
RETURNING {columns schedule}
