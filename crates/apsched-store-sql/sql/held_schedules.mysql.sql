-- The schedules on which earlier runs have claims, without a lock: what is read here is read through.
SELECT id, lease_holder
FROM {schedules}
WHERE lease_holder IN (SELECT other FROM {rows others: other text})
