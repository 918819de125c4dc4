-- Takes jobs that are locked out of the queue.
DELETE FROM {jobs}
WHERE id IN (SELECT gone_id FROM {rows gone: gone_id id})
