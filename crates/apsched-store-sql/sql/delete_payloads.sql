-- Removes the payloads of jobs that ended.
DELETE FROM {job_payloads}
WHERE job_id IN (SELECT gone_id FROM {rows gone: gone_id id})
