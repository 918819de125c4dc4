-- Removes schedules.
DELETE FROM {schedules}
WHERE id IN (SELECT gone_id FROM {rows gone: gone_id text})
