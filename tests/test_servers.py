"""What tests start and make leaves nothing behind, and servers report why they do not start."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from tests.builders.cleanup import launch, launched_processes_end
from tests.builders.postgres import (
    drop_databases_left_behind,
    find_initdb,
    new_database,
    private_server,
    require_server,
    server_group,
)
from tests.builders.waiting import PATIENCE, poll_until

ROOT = Path(__file__).parents[1]

KILLED = """
import os
from tests.builders.postgres import server_group

with server_group("killed") as group:
    group.start("sleep", "600", pass_fds=[os.dup(1)])
    print(group.folder, flush=True)
    os.kill(os.getpid(), 9)
"""
"""The server holds our standard output open, so a reader of the whole output waits for the server's end."""


def test_a_server_and_its_folder_go_when_the_tests_are_killed():
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -9
    assert not Path(killed.stdout.strip()).exists()


def test_a_server_that_does_not_start_reports_the_reason():
    with server_group("broken") as group, pytest.raises(RuntimeError, match="no such thing"):
        group.start("sh", "-c", "echo no such thing; exit 1", ready=lambda: False)


def test_postgresql_runs_privately_where_no_server_is_given():
    if not (initdb := find_initdb()):
        pytest.skip("no initdb")
    with private_server(initdb) as server, psycopg.connect(f"{server}/postgres") as connection:
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        (folder,) = connection.execute("show data_directory").fetchone()
    assert not Path(folder).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"{server}/postgres")


ENDLESS = """
import pytest, signal, time
from pathlib import Path
from tests.builders.cleanup import launch
from tests.builders.postgres import new_database

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell switches it off for background processes

@pytest.mark.parametrize("number", range(2))
def test_endless(number):
    with new_database() as url:
        server = launch(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=-1, text=True)
        line = f"{server.pid} {server.stdout.readline().strip()} {url}"
        Path(__file__).with_name(f"{number}.new").write_text(line)
        Path(__file__).with_name(f"{number}.new").rename(Path(__file__).with_name(f"{number}.there"))
        time.sleep(600)
"""
"""Tests with a database, a server, and a process that the server has started."""


class Run:
    """Runs the endless tests in processes of their own, and knows what they have made so far."""

    def __init__(self, folder, workers):
        (folder / "test_endless.py").write_text(ENDLESS)
        command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "xdist", "-p", "tests.conftest"]
        server = urlsplit(require_server())
        shared = {"PGHOST": server.hostname, "PGPORT": str(server.port), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        quiet = {"env": os.environ | shared, "stdout": subprocess.DEVNULL}
        self.pytest = launch(
            [*command, "-n", workers, "--max-worker-restart=0", folder / "test_endless.py"], cwd=ROOT, **quiet
        )
        poll_until(lambda: len(list(folder.glob("*.there"))) == max(1, int(workers)))
        lines = [path.read_text().split() for path in folder.glob("*.there")]
        self.processes = [psutil.Process(int(pid)) for *pids, _ in lines for pid in pids]
        self.databases = [url for *_, url in lines]

    def below(self):
        """Returns the workers and the watcher of the run."""
        children = psutil.Process(self.pytest.pid).children()
        watcher = next(each for each in children if "tests.builders.cleanup" in each.cmdline())
        return [each for each in children if each != watcher], watcher

    def is_gone(self):
        return not any(map(alive, self.processes))


def alive(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def exists(url):
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize(("sign", "workers"), [("SIGINT", "0"), ("SIGTERM", "0"), ("SIGKILL", "2")])
def test_a_run_that_is_stopped_leaves_no_process_and_no_database(tmp_path, sign, workers):
    run = Run(tmp_path, workers)
    assert all(map(alive, run.processes))
    assert all(map(exists, run.databases))
    run.pytest.send_signal(signal.Signals[sign])
    run.pytest.wait(PATIENCE)
    poll_until(run.is_gone)
    poll_until(lambda: not any(map(exists, run.databases)))


def test_leftovers_of_a_killed_worker_go_with_its_run(tmp_path):
    run = Run(tmp_path, "2")
    workers, _ = run.below()
    for worker in workers:
        worker.kill()
    run.pytest.wait(PATIENCE)
    poll_until(run.is_gone)
    poll_until(lambda: not any(map(exists, run.databases)))


def test_databases_that_nobody_could_drop_go_when_the_next_run_asks_for_one(tmp_path):
    """Killed at once with the one that watches it; the databases of who is still there stay."""
    run = Run(tmp_path, "0")
    _, watcher = run.below()
    for process in (watcher, run.pytest, *run.processes):
        process.kill()
    run.pytest.wait(PATIENCE)
    assert all(map(exists, run.databases))
    with new_database() as url:
        drop_databases_left_behind(require_server())
        assert not any(map(exists, run.databases))
        assert exists(url)


def test_a_process_ends_with_the_test_that_started_it_also_if_the_test_fails():
    def fails():
        with launched_processes_end():
            server = launch(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
            started.extend([psutil.Process(server.pid), psutil.Process(int(server.stdout.readline()))])
            raise ZeroDivisionError

    started = []
    with pytest.raises(ZeroDivisionError):
        fails()
    assert len(started) == 2
    poll_until(lambda: not any(map(alive, started)))
