"""The servers that tests start for themselves leave nothing behind, and say why they do not start."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.builders.postgres import find_initdb, household, private_server

KILLED = """
import os
from tests.builders.postgres import household

with household("killed") as house:
    house.start("sleep", "600", pass_fds=[os.dup(1)])
    print(house.folder, flush=True)
    os.kill(os.getpid(), 9)
"""
"""The server holds our standard output open: who reads that to its end waits for the server's end."""


def test_a_server_and_its_folder_go_when_the_tests_are_killed():
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -9
    assert not Path(killed.stdout.strip()).exists()


def test_a_server_that_does_not_start_says_why():
    with household("broken") as house, pytest.raises(RuntimeError, match="no such thing"):
        house.start("sh", "-c", "echo no such thing; exit 1", ready=lambda: False)


def test_postgresql_runs_privately_where_no_server_is_given():
    if not (initdb := find_initdb()):
        pytest.skip("no initdb")
    with private_server(initdb) as server, psycopg.connect(f"{server}/postgres") as connection:
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        (folder,) = connection.execute("show data_directory").fetchone()
    assert not Path(folder).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"{server}/postgres")
