-- Drops the claims of earlier runs on schedules.
UPDATE {schedules}
SET lease_holder = NULL, lease_until = NULL, token = token + 1
WHERE lease_holder IN (SELECT other FROM {rows others: other text})
