"""Transactions, rows and columns on SQLite and PostgreSQL; it knows no subject.

- `columns`: column types: instants, JSON, names
- `connections`: which engine a URL names: SQLite by default, PostgreSQL where it is asked for
- `contents`: what the engine keeps without knowing it: handed in where the engine and the subjects are joined
- `failures`: what a failing database means to the domain
- `findings`: what a check has to say
- `group_commit`: actions that wait for a commit they share
- `postgres`: groups of what only inserts, a transaction for each other action, run again where it lost; numbers in
  blocks
- `postgres_stream`: many rows, sent while those before are read
- `prefetch`: on PostgreSQL, what a group will read, asked for all of it at once
- `reference`: what every action needs and hardly anybody changes: kept in memory, read again when its count has
  grown
- `rows`: records by key and written: by SQLAlchemy Core, or on SQLite by the driver itself
- `schema`: the tables of records: each by the kind of its rows, and the statements that read and write one row of
  it
- `sqlite`: one writing connection with group commit; the lock on the file
- `tables`: the tables of the engine itself: what recurs, and how far numbers have come
- `unit_of_work`: records in, records out, over one connection
"""
