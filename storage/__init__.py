"""Where it is kept: rows in a database, photo bytes beside it."""
