-- Removes results that are no longer to be kept, some at a time.
DELETE FROM {job_results}
WHERE job_id IN (SELECT job_id FROM {job_results} WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit)
