-- Payloads that are too large for the rows of the queue.
INSERT INTO {job_payloads} (job_id, payload)
{values large: large_id id, body bytes}
