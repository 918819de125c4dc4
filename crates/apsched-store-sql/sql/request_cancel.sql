-- Asks a running job to stop, if nobody has yet.
UPDATE {jobs}
SET cancel_requested = 1
WHERE id = :id AND state = 'running' AND cancel_requested = 0
