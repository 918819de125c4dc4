-- Where acquired schedules go on; their leases are dropped.
UPDATE {schedules}
JOIN {rows next: next_id text, next_fires int, next_last int, next_next int, next_state text, next_reason json} ON id = next_id
SET
    lease_holder = NULL, lease_until = NULL, fires = next_fires, last_fire_time = next_last,
    next_fire_time = next_next, state = next_state, state_reason = next_reason
