"""Transactions, rows and column types on SQLite and PostgreSQL; no subject of the domain is known here.

- `columns`: column types (instants, JSON, enums) and SQL functions that both databases share
- `connections`: the engine, driver and write lock that belong to a database URL
- `definition`: the tables, repository and hooks that a database is built with
- `failures`: errors of the database, translated into errors of the domain and of the operator
- `findings`: the result type of consistency checks
- `group_commit`: pending actions, joined into groups that share one commit
- `postgres`: the database on PostgreSQL: group commit for inserts, retried transactions, numbers reserved in blocks
- `postgres_rows`: records on PostgreSQL through psycopg; prefetches the reads of a whole group in few round trips
- `postgres_stream`: a psycopg cursor that streams large results
- `reference`: reference data (rules, calendar), cached in memory and reloaded after a change
- `rows`: reads and writes records directly through the driver of the database
- `schema`: maps record types to tables, and holds the statements that read and write one row
- `sqlite`: the database on SQLite: one writing connection with group commit, and the lock on the file
- `tables`: the engine's own tables: recurring jobs and number series
- `unit_of_work`: reads records and collects changes over one connection
"""
