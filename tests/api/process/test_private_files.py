"""Proves that stored files are readable only by the account that runs the server."""

import signal
import stat
from contextlib import closing

import pytest

from tests.builders.commands import anxun
from tests.builders.process import Process, report_while


def paths_open_to_others(*folders):
    """Return the paths that other accounts may look into, the folders themselves included."""
    everything = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [path for path in everything if not path.is_symlink() and path.stat().st_mode & 0o077]


@pytest.fixture
def server(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir(mode=0o700)
    server = Process(tmp_path / "data")
    server.environment["TMPDIR"] = str(scratch)
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)


def test_stored_exported_and_copied_files_are_closed_to_other_accounts(server, tmp_path):
    server.start()
    acknowledged = {}
    with closing(server.client()) as phone, closing(server.client("analyst")) as analyst:
        report_while(lambda: len(acknowledged) < 3, phone, acknowledged, [])
        for path in ("/ledger.csv", "/ledger.xlsx"):
            assert analyst.get(path).status_code == 200
    assert paths_open_to_others(server.folder, tmp_path / "scratch") == []
    anxun(server, "backup", str(tmp_path / "copy"))
    anxun(server, "history", "export", str(tmp_path / "histories.jsonl"))
    server.stop()
    assert paths_open_to_others(server.folder, tmp_path / "scratch", tmp_path / "copy") == []
    assert not (tmp_path / "histories.jsonl").stat().st_mode & 0o077


def test_an_open_folder_of_an_older_version_is_closed_at_the_start_and_logged(server):
    server.start()
    server.stop()
    for path in (server.folder, *server.folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    server.start()
    server.stop()
    assert paths_open_to_others(server.folder) == []
    assert "open to other accounts" in server.log.read_text()
    before = server.log.read_text().count("open to other accounts")
    server.start()
    server.stop()
    assert server.log.read_text().count("open to other accounts") == before
    assert stat.S_IMODE((server.folder / "anxun.db").stat().st_mode) == 0o600


def test_the_demo_office_is_not_loaded_over_a_real_account(tmp_path):
    process = Process(tmp_path / "data")
    anxun(process, "migrate")
    (tmp_path / "password").write_text("a password of one's own")
    made = ("user", "add", "inspector", "--name", "王", "--password-file", tmp_path / "password")
    assert "inspector is there" in anxun(process, *made)
    process.environment.pop("ANXUN_DEMO_PASSWORD")
    for command in (("demo",), ("serve", "--demo")):
        assert "inspector is a real account" in anxun(process, *command, code=2)
    assert not (process.folder / "demo-password").exists()
