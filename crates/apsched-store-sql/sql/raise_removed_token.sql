-- Remembers the token of a schedule that is removed.
UPDATE {meta}
SET removed_schedule_token = :token
WHERE id = 1 AND removed_schedule_token < :token
