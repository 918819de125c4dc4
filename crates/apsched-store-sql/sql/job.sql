-- One job, whatever its state.
SELECT state, quarantine_reason, {columns job}
FROM {jobs}
WHERE id = :id
