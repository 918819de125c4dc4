-- Jobs that were just leased.
SELECT {columns job}
FROM {rows acquired: acquired_id id}
STRAIGHT_JOIN {jobs} FORCE INDEX (PRIMARY) ON id = acquired_id
