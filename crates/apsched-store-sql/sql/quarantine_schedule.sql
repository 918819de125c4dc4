-- Puts a due schedule aside that cannot be decoded and has just been locked; nobody acquires it before it is replaced.
UPDATE {schedules}
SET state = 'quarantined', state_reason = :reason, lease_holder = NULL, lease_until = NULL
WHERE id = :id AND state = 'active' AND next_fire_time <= :now
