"""Storage: rows in a database, photo files beside it, and processes that read or write files.

- `database`: the Database Protocol (transact and read), and opening the database that a URL names
- `file_reading`: parses an uploaded file in a process of its own, since its content is untrusted
- `migration`: creates and upgrades the schema, with alembic
- `private_files`: restricts files to the account that runs the server
- `process_limits`: limits of time and memory for a process that reads or writes a file
- `repository`: the repositories of all subjects, joined in one class
- `schema`: all tables, by record type
"""
