"""Manages PostgreSQL for the rivals, in their environment: `postgres.py process`, `create NAME` or `drop NAME`.

`process` prints the server's process id if it runs on this machine, so that its CPU time can be read, else 0.
Exits with 3 if no PostgreSQL answers.
"""

import sys
from pathlib import Path

import psycopg2

UNREACHABLE = 3


def parent_process(backend: int) -> int:
    try:
        status = Path(f"/proc/{backend}/status").read_text()
    except OSError:
        return 0
    return int(status.split("PPid:")[1].split()[0]) if "postgres" in status.splitlines()[0] else 0


def main() -> int:
    command, *name = sys.argv[1:]
    try:
        connection = psycopg2.connect(host="127.0.0.1", port=5432, user="postgres", connect_timeout=3)
    except psycopg2.OperationalError as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return UNREACHABLE
    connection.autocommit = True
    with connection.cursor() as cursor:
        if command == "process":
            print(parent_process(connection.get_backend_pid()))
        elif command == "create":
            cursor.execute(f'CREATE DATABASE "{name[0]}"')
        elif command == "drop":
            cursor.execute(f'DROP DATABASE IF EXISTS "{name[0]}" WITH (FORCE)')
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
