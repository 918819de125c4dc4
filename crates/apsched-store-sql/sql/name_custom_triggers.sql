-- Names the custom triggers of a schedule that has just been locked, so that it is left to those who know them.
UPDATE {schedules}
SET custom_triggers = :custom_triggers
WHERE id = :id
