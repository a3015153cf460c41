"""Where it is kept: rows in a database, photo bytes beside it.

- `database`: transact and read: what a database is to us, and which one a URL names
- `file_reading`: reads a file that somebody sent from its standard input, in a process of its own: it may be
  anything
- `migration`: the schema, by alembic
- `private_files`: files that other accounts of the machine cannot read
- `process_limits`: time and memory of a process that reads or writes a file
- `repository`: all repositories joined: every question of the domain, over one connection
- `schema`: every table
"""
