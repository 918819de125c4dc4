-- Payloads that stand apart.
SELECT job_id, payload
FROM {job_payloads}
WHERE job_id IN (SELECT wanted_id FROM {rows wanted: wanted_id id})
