-- Who holds jobs or schedules.
SELECT lease_holder FROM {jobs} WHERE state = 'running'
UNION
SELECT lease_holder FROM {schedules} WHERE state = 'active' AND lease_holder IS NOT NULL
