"""Databases of our own on a PostgreSQL server, made for a test and dropped after it.

The server is the one on its standard port, or where PGHOST and PGPORT say, if it lets `postgres` in; else a private
one, started from the installed binaries, that ends with this process; else the test is skipped, visibly.
"""

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

STANDARD = f"postgresql://postgres@{os.environ.get('PGHOST', '127.0.0.1')}:{os.environ.get('PGPORT', '5432')}"

GUARD = """
signal=$1 folder=$2 servers=
while read -r server; do servers="$server $servers"; done
[ -z "$servers" ] || kill -"$signal" $servers
for try in 1 2 3 4 5 6 7 8 9; do rm -rf "$folder" && break; sleep 0.2; done
"""
"""Reads the ids of servers until its input closes, which happens however we end; then they and their folder go."""


class Household:
    """Private servers with a folder to live in."""

    def __init__(self, folder, guard, servers):
        self.folder = folder
        self.guard = guard
        self.servers = servers

    def start(self, *command, ready=lambda: True, **options):
        """Starts a server and waits until it is ready; a minute is more than any takes."""
        log = self.folder / f"{Path(command[0]).name}.log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options
            )
        self.servers.enter_context(server)
        self.guard.stdin.write(f"{server.pid}\n".encode())
        self.guard.stdin.flush()
        last = time.monotonic() + 60
        while not ready() or server.poll() is not None:
            if server.poll() is not None or time.monotonic() > last:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return server


@contextmanager
def household(name, signal="KILL"):
    """What is started in it ends with the block, and also when this process is killed."""
    folder = tempfile.mkdtemp(prefix=f"anxun-{name}-")
    command = ["sh", "-c", GUARD, "guard", signal, folder]
    with (
        ExitStack() as servers,  # waits for them, after the guard has ended them
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as guard,
    ):
        yield Household(Path(folder), guard, servers)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def answers(server):
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def private_server(initdb):
    """A cluster on a free port. It need not survive a power cut, so it flushes nothing."""
    with household("postgres", signal="QUIT") as house:
        owner = {"cwd": house.folder}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            people = {entry.pw_name: (entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()}
            user, group = people.get("postgres") or people["nobody"]
            owner |= {"user": user, "group": group, "extra_groups": []}
            os.chown(house.folder, user, group)
        data = house.folder / "data"
        create = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, **owner)
        port = free_port()
        server = f"postgresql://postgres@127.0.0.1:{port}"
        postgres = Path(initdb).resolve().with_name("postgres")
        serve = [postgres, "-D", data, "-F", "-k", "", "-h", "127.0.0.1", "-p", str(port)]
        house.start(*serve, ready=lambda: answers(server), **owner)
        yield server


def find_initdb():
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return shutil.which("initdb", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, debian)]))


@cache
def find_server():
    """The URL of the server that this process uses, if there is any."""
    if answers(STANDARD):
        return STANDARD
    if not (initdb := find_initdb()):
        return None
    until_exit = ExitStack()
    atexit.register(until_exit.close)
    return until_exit.enter_context(private_server(initdb))


def the_server():
    return find_server() or pytest.skip(f"no PostgreSQL at {STANDARD}, and no initdb to start one with")


def administer(statement):
    """Runs a statement as the server's owner. Skips the test, visibly, where there is no server."""
    with psycopg.connect(f"{the_server()}/postgres", autocommit=True) as connection:
        return connection.execute(statement).rowcount


def cut_connections(name):
    """Ends every connection to one database, as a restart of the server would."""
    administer(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608  # ours


@contextmanager
def new_database(template="template1"):
    """The URL of a new database, a copy of `template`."""
    name = f"anxun_test_{secrets.token_hex(6)}"
    administer(f"create database {name} template {template}")
    try:
        yield f"{the_server()}/{name}"
    finally:
        administer(f"drop database {name} with (force)")
