-- Leases due schedules that nobody holds and the caller can plan, the earliest first, by the index schedules_due; passes over those that another
-- scheduler is taking at this moment.
UPDATE {schedules}
SET token = token + 1, lease_holder = :holder, lease_until = :until
WHERE id {among}
    SELECT id
    FROM {schedules} AS schedules
    WHERE state = 'active' AND next_fire_time <= :now AND (lease_until IS NULL OR lease_until <= :now)
        AND (custom_triggers IS NULL OR custom_triggers NOT IN (SELECT strange FROM {rows strangers: strange text}))
    ORDER BY next_fire_time, id
    LIMIT :limit
    {lock free schedules}
{end among}
RETURNING {columns schedule}
