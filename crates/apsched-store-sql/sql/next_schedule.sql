-- When the next schedule can be acquired: the first that nobody holds, the first end of a lease on one that is due, and the first
-- that is due later, whoever holds it. All by the index schedules_due.
SELECT
    (
        SELECT next_fire_time FROM {schedules}
        WHERE state = 'active' AND next_fire_time IS NOT NULL AND lease_until IS NULL
        ORDER BY next_fire_time LIMIT 1
    ),
    (
        SELECT MIN(CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END) FROM {schedules}
        WHERE state = 'active' AND next_fire_time <= :now AND lease_until IS NOT NULL
    ),
    (
        SELECT CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END FROM {schedules}
        WHERE state = 'active' AND next_fire_time > :now
        ORDER BY next_fire_time LIMIT 1
    )
