-- When the next schedule can be acquired: the first that nobody holds; if that one is not due, also the first end of a lease on one
-- that is, and the first that is due later, whoever holds it. All by the index schedules_due.
WITH free AS {once} (
    SELECT (
        SELECT next_fire_time FROM {schedules}
        WHERE state = 'active' AND next_fire_time IS NOT NULL AND lease_until IS NULL
        ORDER BY next_fire_time LIMIT 1
    ) AS free_at
)
SELECT
    free_at,
    CASE WHEN free_at <= :now THEN NULL ELSE (
        SELECT MIN(CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END) FROM {schedules}
        WHERE state = 'active' AND next_fire_time <= :now AND lease_until IS NOT NULL
    ) END,
    CASE WHEN free_at <= :now THEN NULL ELSE (
        SELECT CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END AS claimable_at
        FROM {schedules} AS schedules
        WHERE state = 'active' AND next_fire_time > :now
        ORDER BY schedules.next_fire_time LIMIT 1
    ) END
FROM free
