-- Takes back what was added since.
ROLLBACK TO adding
