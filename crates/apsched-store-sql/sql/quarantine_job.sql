-- Puts a job aside that cannot be decoded; it is kept, and not given out again. By its holder, if the job is not locked.
UPDATE {jobs}
SET state = 'quarantined', quarantine_reason = :reason, lease_holder = NULL, lease_until = NULL
WHERE id = :id AND (:holder IS NULL OR lease_holder = :holder)
