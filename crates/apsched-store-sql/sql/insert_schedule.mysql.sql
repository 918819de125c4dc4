-- A new schedule.
INSERT INTO {schedules} ({columns schedule}, custom_triggers)
VALUES (
    :id, :task_id, :trigger, :settings, :payload_serializer, :payload, :created_at, :state, :state_reason,
    :next_fire_time, :last_fire_time, :fires, :revision, :token, :lease_holder, :lease_until, :custom_triggers
)
