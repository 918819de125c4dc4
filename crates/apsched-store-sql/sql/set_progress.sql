-- Keeps what a running job says, if the caller's claim holds.
UPDATE {jobs}
SET progress = :progress
WHERE id = :id AND token = :token AND lease_holder = :holder
