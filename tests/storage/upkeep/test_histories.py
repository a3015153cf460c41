"""Whoever writes to the database past the program is found: by the chain, by the daily digests, by an export."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from inspections.accounts.people import Role
from inspections.change import Change
from inspections.hazards.history import digest_of
from inspections.privacy.actions import Erasure, erase
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from storage.engine.connections import writing_engine
from storage.photos.folder_store import PhotoFolder
from storage.upkeep import history_file
from storage.upkeep.histories import histories, kept
from storage.upkeep.history_digests import check_digests, due, write_digest
from storage.upkeep.verification import verify
from tests.builders.histories import worked
from tests.builders.office import HERE, NOW, later, li, new_id, person, wang
from tests.builders.reports import report

wu = person("wu", Role.ADMIN)
DAY = date(2026, 11, 24)


def quiet(*_):
    """Nobody looks at the progress."""


@pytest.fixture
def hazards(desk):
    desk.do(lambda _: Change(None, (wu,)))
    return worked(desk.do)


@pytest.fixture
def past(url):
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


def broken(desk):
    return [(history.heading.number, *each) for history in histories(desk.database) for each in history.breaks()]


def key(url, value):
    """A UUID as the database's own text has it."""
    return value.hex if url.startswith("sqlite") else str(value)


def test_a_history_is_whole_as_it_comes_back(desk, hazards):
    found = list(histories(desk.database))
    assert len(found) == 4
    assert broken(desk) == []
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
def test_an_altered_line_is_named(desk, url, hazards, past, change, what):
    past(f"update entries set {change} where hazard = :hazard and seq = 3", hazard=key(url, hazards[1]))  # noqa: S608
    assert (number(desk, hazards[1]), *what.split(": ", 1)) in broken(desk)
    assert {hazard for hazard, *_ in broken(desk)} == {number(desk, hazards[1])}


def test_a_removed_line_is_named(desk, url, hazards, past):
    past("delete from escalations")
    past("delete from entries where hazard = :hazard and seq = 3", hazard=key(url, hazards[1]))
    assert broken(desk) == [
        (number(desk, hazards[1]), "line is not in its place", "line 4 where 3 should be"),
        (number(desk, hazards[1]), "history is not whole", "6 of 7 lines"),
    ]


def test_an_altered_head_is_named(desk, url, hazards, past):
    past("update hazards set history_head = 'sha256:0' where id = :hazard", hazard=key(url, hazards[1]))
    assert broken(desk) == [(number(desk, hazards[1]), "history does not end in its head", "line 7")]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_lines_of_a_hazard_that_is_gone_are_named(desk, url, hazards, past, tmp_path):
    past("delete from hazards where id = :hazard", hazard=key(url, hazards[1]))
    found = list(verify(desk.database, PhotoFolder(tmp_path / "photos"), quiet))
    assert ("line belongs to no hazard", str(hazards[1])) in found


def test_erasing_leaves_every_check_content(desk, hazards, tmp_path):
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    erasure = Erasure(new_id(), ("responsible_party", "description", "note"), "当事人要求")
    desk.do(erase, wu, hazards[0], erasure, later(days=10))
    assert desk.do(erase, wu, hazards[0], erasure, later(days=10)).repeated
    assert desk.history(hazards[0])[0].facts["responsible_party"] == {"kind": "merchant", "name": None, "phone": None}
    assert broken(desk) == []
    assert checked(desk, tmp_path) == []
    history_file.export(desk.database, tmp_path / "all.ndjson", quiet)
    assert "13800000000" in (tmp_path / "all.ndjson").read_text()  # somebody else's note
    assert "陈记小吃" not in (tmp_path / "all.ndjson").read_text()
    assert list(history_file.check(tmp_path / "all.ndjson", tmp_path / "digests", quiet)) == []


# the daily digests ------------------------------------------------------------------------------------------


def checked(desk, tmp_path):
    return list(check_digests(tmp_path / "digests", lambda ids: kept(desk.database, ids)))


def note(desk, hazard, words, now):
    version = desk.hazard(hazard).version
    desk.do(take_step, li, hazard, Note(id=new_id(), version=version, note=words), now)


def test_each_file_follows_the_one_before_and_holds_what_grew(desk, hazards, tmp_path):
    folder = tmp_path / "digests"
    assert due(folder, DAY)
    first = write_digest(desk.database, folder, DAY, later(days=9, hours=2))
    assert first.hazards == 4
    assert not due(folder, DAY)
    assert not due(folder, DAY - timedelta(days=1))  # the clock was set back
    assert due(folder, DAY + timedelta(days=1))
    note(desk, hazards[2], "看过", later(days=11))
    second = write_digest(desk.database, folder, DAY + timedelta(days=3), later(days=12))  # after an outage
    opening, line = second.path.read_text().splitlines()
    assert first.sha256 in opening
    hazard = desk.hazard(hazards[2])
    assert line == f"{hazard.id} {hazard.history_length} {hazard.history_head}"
    assert checked(desk, tmp_path) == []
    assert sorted(each.name for each in folder.iterdir()) == ["2026-11-24.txt", "2026-11-27.txt"]


def test_a_chain_that_was_written_anew_is_found(desk, url, hazards, past, tmp_path):
    """Whole in itself: the database alone cannot tell, nor can an export of it."""
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    lines, last = desk.history(hazards[2]), ""
    for line in lines:
        last = digest_of(
            last, type(line)(**{name: getattr(line, name) for name in line.__struct_fields__} | {"by": "li"})
        )
        past("update entries set \"by\" = 'li', digest = :digest where id = :id", digest=last, id=key(url, line.id))
    past("update hazards set history_head = :digest where id = :id", digest=last, id=key(url, hazards[2]))
    assert broken(desk) == []
    found = [(
        "history is not the one that was announced",
        f"{number(desk, hazards[2])}: line {len(lines)}, digest of 2026-11-24",
    )]  # fmt: skip
    assert checked(desk, tmp_path) == found
    assert found[0] in list(verify(desk.database, PhotoFolder(tmp_path / "photos"), quiet, tmp_path / "digests"))
    history_file.export(desk.database, tmp_path / "all.ndjson", quiet)
    assert list(history_file.check(tmp_path / "all.ndjson", None, quiet)) == []
    assert list(history_file.check(tmp_path / "all.ndjson", tmp_path / "digests", quiet)) == found


def test_an_end_that_was_cut_off_is_found(desk, url, hazards, past, tmp_path):
    note(desk, hazards[0], "夜里又看过", later(days=8))
    write_digest(desk.database, tmp_path / "digests", DAY, later(days=9))
    line = desk.history(hazards[0])[-2]
    past("delete from entries where hazard = :id and seq > :seq", id=key(url, hazards[0]), seq=line.seq)
    values = {"seq": line.seq, "digest": line.digest, "id": key(url, hazards[0])}
    past("update hazards set history_length = :seq, history_head = :digest where id = :id", **values)
    assert broken(desk) == []
    assert [where for _, where in checked(desk, tmp_path)] == [
        f"{number(desk, hazards[0])}: line {line.seq + 1}, digest of 2026-11-24"
    ]


def test_digests_that_were_tampered_with_name_themselves(desk, hazards, tmp_path):
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
        assert [what[: len(start)] for (what, _), start in zip(checked(desk, tmp_path), found, strict=True)] == found
    files[0].write_bytes(whole)
    files[1].unlink()
    assert checked(desk, tmp_path) == [("digest does not follow the one before it", files[2].name)]
    assert hazards


def test_a_digest_after_one_that_cannot_be_read_holds_everything(desk, hazards, tmp_path):
    folder = tmp_path / "digests"
    folder.mkdir()
    (folder / "2026-11-23.txt").write_text("nothing that we wrote\n")
    assert write_digest(desk.database, folder, DAY, later(days=9)).hazards == 4
    assert checked(desk, tmp_path) == [("digest is not what was written", "2026-11-23.txt")]
    assert hazards


# exports ----------------------------------------------------------------------------------------------------


def test_an_export_holds_everything_and_says_how_much(desk, hazards, tmp_path):
    told = []
    end = history_file.export(desk.database, tmp_path / "all.ndjson", lambda *far: told.append(far))
    assert (end.hazards, told[-1]) == (4, (4, 4))
    assert end.lines == sum(desk.hazard(history.heading.hazard).history_length for history in histories(desk.database))
    assert [path.name for path in tmp_path.iterdir() if "ndjson" in path.name] == ["all.ndjson"]
    assert list(history_file.check(tmp_path / "all.ndjson", None, quiet)) == []
    assert hazards


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_whatever_line_of_an_export_is_dropped_doubled_moved_or_cut_is_found(desk, hazards, tmp_path):
    path = tmp_path / "all.ndjson"
    history_file.export(desk.database, path, quiet)
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
            assert list(history_file.check(path, None, quiet)), (at, changed[at : at + 2])
    assert hazards


def test_a_report_that_waits_in_a_group_is_chained_too(desk):
    """The lines of one group are joined before any is written; each still follows its own hazard."""

    def group(repository):
        for _ in range(3):
            hazard = report_hazard(repository, wang, report(community=HERE.code), NOW)
            repository.write(hazard)
            last = hazard.answer.dossier.hazard
            repository.write(take_step(repository, li, last.id, Note(id=new_id(), version=1, note="看过"), NOW))
        return Change(None)

    desk.do(group)
    assert [len(history.lines) for history in histories(desk.database)] == [2, 2, 2]
    assert broken(desk) == []
