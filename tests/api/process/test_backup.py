"""Proves backup during writes, restore, and a verification that names each damaged record."""

import sqlite3

import pytest

from tests.builders.commands import anxun
from tests.builders.process import Process, more_come, reporting


@pytest.fixture
def backed_up_server(tmp_path):
    """Back up a server while it receives reports; yield it and the reports acknowledged before the backup."""
    process = Process(tmp_path / "data").start()
    with reporting(process, 3) as (acknowledged, _, _):
        more_come(acknowledged, 10)
        before = dict(acknowledged)
        anxun(process, "backup", str(tmp_path / "copy"))
        more_come(acknowledged, 3)
    yield process, before
    process.stop()


def test_a_backup_under_load_restores_and_verifies(backed_up_server, tmp_path):
    process, before = backed_up_server
    assert "everything is whole" in anxun(process, "verify")  # while the server runs
    assert "is there already" in anxun(process, "backup", str(tmp_path / "copy"), code=2)
    assert "in use by another anxun process" in anxun(process, "restore", str(tmp_path / "copy"), code=2)
    restored = Process(tmp_path / "restored" / "data")
    restored.folder.parent.mkdir()
    anxun(restored, "restore", str(tmp_path / "copy"))
    assert "everything is whole" in anxun(restored, "verify")
    assert "restore into an empty place" in anxun(restored, "restore", str(tmp_path / "copy"), code=2)
    restored.start()
    officer = restored.client("officer")
    for hazard_id, (_, number) in before.items():
        hazard = officer.get(f"/hazards/{hazard_id}").json()
        assert (hazard["number"], hazard["missing_photos"]) == (number, [])
    officer.close()
    restored.stop()


def test_verification_names_each_damaged_record(backed_up_server):
    process, before = backed_up_server
    process.stop()
    (gone, number), (changed, _), *_ = before.values()
    (process.folder / "photos" / gone[:2] / gone).unlink()
    picture = process.folder / "photos" / changed[:2] / changed
    picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    database = sqlite3.connect(process.folder / "anxun.db")
    database.execute("update hazards set state = 'closed' where number = ?", (number,))
    database.execute("update numbers set last = 1")
    (hazard,) = database.execute("select number from hazards order by number desc limit 1").fetchone()
    database.execute("delete from mentions")
    database.execute("delete from entries where hazard in (select id from hazards where number = ?)", (hazard,))
    database.commit()
    database.close()
    output = anxun(process, "verify", code=1)
    assert f"photo is missing: {gone}" in output
    assert f"photo is not what it was: {changed}" in output
    assert f"state is not what the history says: {number}: closed, history reported" in output
    assert f"history is not whole: {hazard}: 0 of 1 lines" in output
    assert f"number was never given out: {hazard}" in output


def test_a_folder_that_is_no_backup_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    process = Process(tmp_path / "data")
    assert "is no backup" in anxun(process, "restore", str(tmp_path / "empty"), code=2)
    assert "is not there" in anxun(process, "backup", str(tmp_path / "copy"), code=2)
