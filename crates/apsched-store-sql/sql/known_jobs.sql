-- Which of some jobs are there, have a kept result, or stand for a fire time that has a job.
SELECT new_id
FROM {rows job: new_id id, schedule text, fire int}
WHERE EXISTS (SELECT 1 FROM {jobs} WHERE id = new_id)
    OR EXISTS (SELECT 1 FROM {job_results} WHERE job_id = new_id)
    OR EXISTS (SELECT 1 FROM {jobs} WHERE schedule_id = schedule AND fire_time = fire)
