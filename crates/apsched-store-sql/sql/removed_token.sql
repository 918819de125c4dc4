-- The greatest token of a schedule that was removed: a new one starts after it.
SELECT removed_schedule_token
FROM {meta}
WHERE id = 1
