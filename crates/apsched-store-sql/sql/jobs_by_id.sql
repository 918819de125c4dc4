-- Jobs that were just leased.
SELECT {columns job}
FROM {rows acquired: acquired_id id}
{then} {jobs} {by id} ON id = acquired_id
