-- Jobs that were just leased.
SELECT {columns job}
FROM {jobs}
JOIN {rows acquired: acquired_id id} ON id = acquired_id
