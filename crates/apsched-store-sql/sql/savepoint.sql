-- Where to return to, if not all can be added.
SAVEPOINT adding
