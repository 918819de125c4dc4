-- The jobs in the hands of a scheduler that are to stop.
SELECT id
FROM {jobs}
WHERE state = 'running' AND lease_holder = :holder AND cancel_requested = 1
ORDER BY id
