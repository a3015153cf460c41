"""The chain, the daily digests and an export reveal every write to the database past the program."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from inspections.accounts.people import Role
from inspections.change import Change
from inspections.hazards.history import entry_digest
from inspections.privacy.actions import Erasure, erase_hazard_texts
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from storage.engine.connections import writing_engine
from storage.photos.folder_store import PhotoFolder
from storage.upkeep import history_file
from storage.upkeep.histories import load_line_digests, read_histories
from storage.upkeep.history_digests import check_digests, is_digest_due, write_digest
from storage.upkeep.verification import verify
from tests.builders.histories import create_histories
from tests.builders.office import HERE, NOW, later, li, new_id, person, wang
from tests.builders.reports import report

wu = person("wu", Role.ADMIN)
DAY = date(2026, 11, 24)


def ignore_progress(*_):
    """Ignores the progress."""


@pytest.fixture
def hazards(desk):
    desk.do(lambda _: Change(None, (wu,)))
    return create_histories(desk.do)


@pytest.fixture
def write_directly(url):
    """Writes past the program, as somebody with the database's password would."""
    engine = writing_engine(url)

    def write(statement, **values):
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.connection.dbapi_connection.execute("pragma foreign_keys = off")
            connection.execute(text(statement), values)
            connection.commit()

    yield write
    engine.dispose()


def number(desk, hazard):
    return desk.hazard(hazard).number


def chain_breaks(desk):
    return [(history.heading.number, *each) for history in read_histories(desk.database) for each in history.breaks()]


def key(url, value):
    """Returns a UUID as the database stores it."""
    return value.hex if url.startswith("sqlite") else str(value)


def test_a_stored_history_is_read_back_complete(desk, hazards):
    found = list(read_histories(desk.database))
    assert len(found) == 4
    assert chain_breaks(desk) == []
    for history in found:
        hazard = desk.hazard(history.heading.hazard)
        assert hazard.history_head == history.lines[-1].digest == desk.history(hazard.id)[-1].digest
    assert set(hazards) < {history.heading.hazard for history in found}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("facts = replace(facts, '房东', '房客')", "line is not what was written: line 3"),
        ("facts = '{'", "line cannot be read: line 3"),
        ("state = 'nowhere'", "line cannot be read: line 3"),
        ('salts = \'{"note": "00"}\'', "line is not what was written: line 3"),
        ("\"by\" = 'wang'", "line is not what was written: line 3"),
        ("version = version + 1", "line is not what was written: line 3"),
        ("seq = 9", "line is not in its place: line 4 where 3 should be"),
    ],
)
def test_an_altered_line_is_named(desk, url, hazards, write_directly, change, what):
    write_directly(f"update entries set {change} where hazard = :hazard and seq = 3", hazard=key(url, hazards[1]))  # noqa: S608
    assert (number(desk, hazards[1]), *what.split(": ", 1)) in chain_breaks(desk)
    assert {hazard for hazard, *_ in chain_breaks(desk)} == {number(desk, hazards[1])}


def test_a_removed_line_is_named(desk, url, hazards, write_directly):
    write_directly("delete from escalations")
    write_directly("delete from entries where hazard = :hazard and seq = 3", hazard=key(url, hazards[1]))
    assert chain_breaks(desk) == [
        (number(desk, hazards[1]), "line is not in its place", "line 4 where 3 should be"),
        (number(desk, hazards[1]), "history is not whole", "6 of 7 lines"),
    ]


def test_an_altered_head_is_named(desk, url, hazards, write_directly):
    write_directly("update hazards set history_head = 'sha256:0' where id = :hazard", hazard=key(url, hazards[1]))
    assert chain_breaks(desk) == [(number(desk, hazards[1]), "history does not end in its head", "line 7")]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_lines_of_a_deleted_hazard_are_named(desk, url, hazards, write_directly, tmp_path):
    write_directly("delete from hazards where id = :hazard", hazard=key(url, hazards[1]))
    found = list(verify(desk.database, PhotoFolder(tmp_path / "photos"), ignore_progress))
    assert ("line belongs to no hazard", str(hazards[1])) in found


def test_an_erasure_passes_every_check(desk, hazards, tmp_path):
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    erasure = Erasure(new_id(), ("responsible_party", "description", "note"), "当事人要求")
    desk.do(erase_hazard_texts, wu, hazards[0], erasure, later(days=10))
    assert desk.do(erase_hazard_texts, wu, hazards[0], erasure, later(days=10)).repeated
    assert desk.history(hazards[0])[0].facts["responsible_party"] == {"kind": "merchant", "name": None, "phone": None}
    assert chain_breaks(desk) == []
    assert digest_findings(desk, tmp_path) == []
    history_file.export_histories(desk.database, tmp_path / "all.ndjson", ignore_progress)
    assert "13800000000" in (tmp_path / "all.ndjson").read_text()  # somebody else's note
    assert "陈记小吃" not in (tmp_path / "all.ndjson").read_text()
    assert list(history_file.check_export(tmp_path / "all.ndjson", tmp_path / "digests", ignore_progress)) == []


# the daily digests ------------------------------------------------------------------------------------------


def digest_findings(desk, tmp_path):
    return list(check_digests(tmp_path / "digests", lambda ids: load_line_digests(desk.database, ids)))


def add_note(desk, hazard, words, now):
    version = desk.hazard(hazard).version
    desk.do(take_step, li, hazard, Note(id=new_id(), version=version, note=words), now)


def test_each_digest_follows_the_previous_one_and_holds_the_changed_histories(desk, hazards, tmp_path):
    folder = tmp_path / "digests"
    assert is_digest_due(folder, DAY)
    first = write_digest(desk.database, folder, DAY, later(days=9, hours=2))
    assert first.hazards == 4
    assert not is_digest_due(folder, DAY)
    assert not is_digest_due(folder, DAY - timedelta(days=1))  # the clock was set back
    assert is_digest_due(folder, DAY + timedelta(days=1))
    add_note(desk, hazards[2], "看过", later(days=11))
    second = write_digest(desk.database, folder, DAY + timedelta(days=3), later(days=12))  # after an outage
    opening, line = second.path.read_text().splitlines()
    assert first.sha256 in opening
    hazard = desk.hazard(hazards[2])
    assert line == f"{hazard.id} {hazard.history_length} {hazard.history_head}"
    assert digest_findings(desk, tmp_path) == []
    assert sorted(each.name for each in folder.iterdir()) == ["2026-11-24.txt", "2026-11-27.txt"]


def test_the_digests_reveal_a_rewritten_chain(desk, url, hazards, write_directly, tmp_path):
    """The new chain is consistent in itself: neither the database alone nor an export of it reveals it."""
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    lines, last = desk.history(hazards[2]), ""
    for line in lines:
        last = entry_digest(
            last, type(line)(**{name: getattr(line, name) for name in line.__struct_fields__} | {"by": "li"})
        )
        write_directly(
            "update entries set \"by\" = 'li', digest = :digest where id = :id", digest=last, id=key(url, line.id)
        )
    write_directly("update hazards set history_head = :digest where id = :id", digest=last, id=key(url, hazards[2]))
    assert chain_breaks(desk) == []
    found = [(
        "history is not the one that was announced",
        f"{number(desk, hazards[2])}: line {len(lines)}, digest of 2026-11-24",
    )]  # fmt: skip
    assert digest_findings(desk, tmp_path) == found
    assert found[0] in list(
        verify(desk.database, PhotoFolder(tmp_path / "photos"), ignore_progress, tmp_path / "digests")
    )
    history_file.export_histories(desk.database, tmp_path / "all.ndjson", ignore_progress)
    assert list(history_file.check_export(tmp_path / "all.ndjson", None, ignore_progress)) == []
    assert list(history_file.check_export(tmp_path / "all.ndjson", tmp_path / "digests", ignore_progress)) == found


def test_the_digests_reveal_a_truncated_history(desk, url, hazards, write_directly, tmp_path):
    add_note(desk, hazards[0], "夜里又看过", later(days=8))
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    line = desk.history(hazards[0])[-2]
    write_directly("delete from entries where hazard = :id and seq > :seq", id=key(url, hazards[0]), seq=line.seq)
    values = {"seq": line.seq, "digest": line.digest, "id": key(url, hazards[0])}
    write_directly("update hazards set history_length = :seq, history_head = :digest where id = :id", **values)
    assert chain_breaks(desk) == []
    assert [where for _, where in digest_findings(desk, tmp_path)] == [
        f"{number(desk, hazards[0])}: line {line.seq + 1}, digest of 2026-11-24"
    ]


def test_digests_that_were_tampered_with_are_named(desk, hazards, tmp_path):
    folder = tmp_path / "digests"
    days = [DAY + timedelta(days=at) for at in range(3)]
    files = [write_digest(desk.database, folder, day, later(days=9)).path for day in days]
    whole = files[0].read_bytes()
    for changed, found in (
        (whole.replace(b" 7 ", b" 6 ", 1), ["history is not the one that was announced", "digest does not follow"]),
        (whole[: whole.rindex(b"sha256")], ["digest is not what was written", "digest does not follow"]),
        (whole[: whole[:-1].rindex(b"\n") + 1], ["digest is not what was written", "digest does not follow"]),
        (b"", ["digest is not what was written", "digest does not follow"]),
        (whole.replace(b'"hazards":4', b'"hazards":4 '), ["digest does not follow"]),
    ):
        files[0].write_bytes(changed)
        assert [
            what[: len(start)] for (what, _), start in zip(digest_findings(desk, tmp_path), found, strict=True)
        ] == found
    files[0].write_bytes(whole)
    files[1].unlink()
    assert digest_findings(desk, tmp_path) == [("digest does not follow the one before it", files[2].name)]
    assert hazards


def test_a_digest_after_an_unreadable_one_holds_every_hazard(desk, hazards, tmp_path):
    folder = tmp_path / "digests"
    folder.mkdir()
    (folder / "2026-11-23.txt").write_text("nothing that we wrote\n")
    assert write_digest(desk.database, folder, DAY, later(days=9)).hazards == 4
    assert digest_findings(desk, tmp_path) == [("digest is not what was written", "2026-11-23.txt")]
    assert hazards


# exports ----------------------------------------------------------------------------------------------------


def test_an_export_holds_every_history_and_the_totals(desk, hazards, tmp_path):
    told = []
    end = history_file.export_histories(desk.database, tmp_path / "all.ndjson", lambda *far: told.append(far))
    assert (end.hazards, told[-1]) == (4, (4, 4))
    assert end.lines == sum(
        desk.hazard(history.heading.hazard).history_length for history in read_histories(desk.database)
    )
    assert [path.name for path in tmp_path.iterdir() if "ndjson" in path.name] == ["all.ndjson"]
    assert list(history_file.check_export(tmp_path / "all.ndjson", None, ignore_progress)) == []
    assert hazards


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_dropped_doubled_moved_or_cut_line_of_an_export_is_found(desk, hazards, tmp_path):
    path = tmp_path / "all.ndjson"
    history_file.export_histories(desk.database, path, ignore_progress)
    whole = path.read_bytes().splitlines(keepends=True)
    for at, line in enumerate(whole):
        for changed in (
            [*whole[:at], *whole[at + 1 :]],
            [*whole[:at], line, *whole[at:]],
            [*whole[at : at + 2][::-1], *whole[at + 2 :]] if at + 1 < len(whole) else whole[:-2],
            [*whole[:at], line[: len(line) // 2] + b"\n", *whole[at + 1 :]],
            [
                *whole[:at],
                line.replace(b"sha256:", b"sha256:0", 1).replace(b'"lines":', b'"lines":1'),
                *whole[at + 1 :],
            ],
            [*whole[:at], b'{"is":"line"}\n', *whole[at:]],
        ):
            path.write_bytes(b"".join(changed))
            assert list(history_file.check_export(path, None, ignore_progress)), (at, changed[at : at + 2])
    assert hazards


def test_reports_of_one_group_are_chained(desk):
    """The lines of one group are joined before any is written; each still follows its own hazard."""

    def group(repository):
        for _ in range(3):
            hazard = report_hazard(repository, wang, report(community=HERE.code), NOW)
            repository.write(hazard)
            last = hazard.answer.reported.hazard
            repository.write(take_step(repository, li, last.id, Note(id=new_id(), version=1, note="看过"), NOW))
        return Change(None)

    desk.do(group)
    assert [len(history.lines) for history in read_histories(desk.database)] == [2, 2, 2]
    assert chain_breaks(desk) == []
