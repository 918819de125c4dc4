-- A schedule as a user wants it now; a claim in flight is void.
UPDATE {schedules}
SET
    task_id = :task_id, trigger_definition = :trigger, custom_triggers = :custom_triggers, settings = :settings,
    payload_serializer = :payload_serializer, payload = :payload, created_at = :created_at,
    state = :state, state_reason = :state_reason, next_fire_time = :next_fire_time,
    last_fire_time = :last_fire_time, fires = :fires, revision = :revision, token = :token,
    lease_holder = :lease_holder, lease_until = :lease_until
WHERE id = :id
