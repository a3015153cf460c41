"""Creates PostgreSQL databases for a test and drops them after it.

A process that makes some holds a connection of the same name. Once that is gone, the next process drops what is left.

The server is the one that PGHOST and PGPORT name, if it lets `postgres` in; else a private one, started from the
installed binaries, that ends with this process and flushes nothing, which makes databases five times as fast; else the
one on the standard port; else the test is skipped, visibly.
"""

import atexit
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest

from tests.builders.cleanup import unmarked
from tests.builders.waiting import poll_until

STANDARD = f"postgresql://postgres@{os.environ.get('PGHOST', '127.0.0.1')}:{os.environ.get('PGPORT', '5432')}"

SHORT_LIVED = ("wal_level=minimal", "max_wal_senders=0", "full_page_writes=off")
GUARD = """
signal=$1 folder=$2 servers=
while read -r server; do servers="$server $servers"; done
[ -z "$servers" ] || kill -"$signal" $servers
for try in 1 2 3 4 5 6 7 8 9; do rm -rf "$folder" && break; sleep 0.2; done
"""
"""Reads server ids until its input closes, however this process ends; then kills them and removes their folder."""


class ServerGroup:
    """Private servers with their common folder."""

    def __init__(self, folder, guard, servers):
        self.folder = folder
        self.guard = guard
        self.servers = servers

    def start(self, *command, ready=lambda: True, **options):
        """Starts a server and waits until it is ready."""
        log = self.folder / f"{Path(command[0]).name}.log"
        with log.open("wb") as out:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
            server = subprocess.Popen(command, env=unmarked(), start_new_session=True, **quiet, **options)
        self.servers.enter_context(server)
        self.guard.stdin.write(f"{server.pid}\n".encode())
        self.guard.stdin.flush()

        def started():
            if server.poll() is not None:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
            return ready() and server.poll() is None

        poll_until(started)
        return server


@contextmanager
def server_group(name, signal="KILL"):
    """Ends the servers started in the block when it ends, and also when this process is killed."""
    folder = tempfile.mkdtemp(prefix=f"anxun-{name}-")
    command = ["sh", "-c", GUARD, "guard", signal, folder]
    apart = {"env": unmarked(), "start_new_session": True}
    with (
        ExitStack() as servers,  # waits for them, after the guard has ended them
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, **apart) as guard,
    ):
        yield ServerGroup(Path(folder), guard, servers)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def accepts_connections(server):
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def private_server(initdb):
    """Runs a cluster on a free port. It need not survive a power cut, and nothing is restored or copied from it."""
    with server_group("postgres", signal="QUIT") as servers:
        owner = {"cwd": servers.folder}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            people = {entry.pw_name: (entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()}
            user, group = people.get("postgres") or people["nobody"]
            owner |= {"user": user, "group": group, "extra_groups": []}
            os.chown(servers.folder, user, group)
        data = servers.folder / "data"
        create = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, **owner)
        port = free_port()
        server = f"postgresql://postgres@127.0.0.1:{port}"
        postgres = Path(initdb).resolve().with_name("postgres")
        serve = [postgres, "-D", data, "-F", "-k", "", "-h", "127.0.0.1", "-p", str(port)]
        serve += [word for each in SHORT_LIVED for word in ("-c", each)]
        servers.start(*serve, ready=lambda: accepts_connections(server), **owner)
        yield server


def find_initdb():
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return shutil.which("initdb", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, debian)]))


@cache
def find_server():
    """Returns the URL of the server that this process uses, if there is any."""
    initdb = find_initdb()
    if initdb and not ({"PGHOST", "PGPORT"} & os.environ.keys() and accepts_connections(STANDARD)):
        until_exit = ExitStack()
        atexit.register(until_exit.close)
        return until_exit.enter_context(private_server(initdb))
    return STANDARD if accepts_connections(STANDARD) else None


def require_server():
    return find_server() or pytest.skip(f"no PostgreSQL at {STANDARD}, and no initdb to start one with")


@cache
def owner():
    """The connection of the server's owner, which the databases of this process have their names from.

    Skips the test, visibly, where there is no server.
    """
    name = f"anxun_test_{secrets.token_hex(4)}"
    connection = psycopg.connect(f"{require_server()}/postgres", autocommit=True, application_name=name)
    atexit.register(connection.close)
    drop_databases_left_behind(require_server())
    return connection


def administer(statement):
    """Runs a statement as the server's owner."""
    return owner().execute(statement).rowcount


LEFT_BEHIND = """
select made.datname from pg_database made where made.datname ~ '^anxun_test_[0-9a-f]{8}_' and not exists
(select from pg_stat_activity maker where maker.application_name = substring(made.datname for 19))
"""


def drop_databases_left_behind(server=STANDARD):
    """Drops the databases whose maker's connection is gone, if the server is there."""
    if accepts_connections(server):
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            for (name,) in connection.execute(LEFT_BEHIND).fetchall():
                connection.execute(f"drop database if exists {name} with (force)")


def cut_connections(name):
    """Ends every connection to one database, as a restart of the server would."""
    administer(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608  # ours


@contextmanager
def new_database(template="template1"):
    """Creates a database as a copy of `template`; yields its URL."""
    name = f"{owner().info.parameter_status('application_name')}_{secrets.token_hex(4)}"
    administer(f"create database {name} template {template}")
    try:
        yield f"{require_server()}/{name}"
    finally:
        administer(f"drop database {name} with (force)")
