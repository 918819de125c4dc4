-- Keeps what was added since.
RELEASE adding
