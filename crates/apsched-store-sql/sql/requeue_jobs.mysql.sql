-- Puts jobs that are locked back into the queue.
UPDATE {jobs}
JOIN {rows next: next_id id, next_run_at int, next_attempt int, next_token int, next_deadline int} ON id = next_id
SET
    state = 'queued', lease_holder = NULL, lease_until = NULL, progress = NULL, run_at = next_run_at,
    attempt = next_attempt, token = next_token, start_deadline = next_deadline
