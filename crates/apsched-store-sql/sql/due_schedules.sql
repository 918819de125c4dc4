-- Due schedules that nobody holds and the caller can plan, the earliest first, by the index schedules_due, locked; passes over those that another scheduler
-- is taking at this moment.
SELECT {columns schedule}
FROM {schedules} AS schedules
WHERE state = 'active' AND next_fire_time <= :now AND (lease_until IS NULL OR lease_until <= :now)
    AND (custom_triggers IS NULL OR custom_triggers NOT IN (SELECT strange FROM {rows strangers: strange text}))
ORDER BY next_fire_time, id
LIMIT :limit
{lock free schedules}
