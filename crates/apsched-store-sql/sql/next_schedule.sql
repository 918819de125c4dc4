-- When the next schedule can be acquired by somebody who knows its trigger: the first that nobody holds; if that one is not due, also
-- the first end of a lease on one that is. One that is not due may be held all the same, by somebody whose clock is ahead: of these the
-- first hundred are looked at, since none of them is due sooner. All by the index schedules_due.
WITH strange_triggers AS {once} (SELECT strange FROM {rows strangers: strange text}),
free AS {once} (
    SELECT (
        SELECT next_fire_time FROM {schedules}
        WHERE state = 'active' AND next_fire_time IS NOT NULL AND lease_until IS NULL
            AND (custom_triggers IS NULL OR custom_triggers NOT IN (SELECT strange FROM strange_triggers))
        ORDER BY next_fire_time LIMIT 1
    ) AS free_at
)
SELECT
    free_at,
    CASE WHEN free_at <= :now THEN NULL ELSE (
        SELECT MIN(CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END) FROM {schedules}
        WHERE state = 'active' AND next_fire_time <= :now AND lease_until IS NOT NULL
            AND (custom_triggers IS NULL OR custom_triggers NOT IN (SELECT strange FROM strange_triggers))
    ) END,
    CASE WHEN free_at <= :now THEN NULL ELSE (
        SELECT MIN(CASE WHEN lease_until > next_fire_time THEN lease_until ELSE next_fire_time END)
        FROM (
            SELECT next_fire_time, lease_until
            FROM {schedules} AS schedules
            WHERE state = 'active' AND next_fire_time > :now
                AND (custom_triggers IS NULL OR custom_triggers NOT IN (SELECT strange FROM strange_triggers))
            ORDER BY schedules.next_fire_time LIMIT 100
        ) AS later
    ) END
FROM free
