"""A history is a hash chain: verification finds every change in it except a recorded erasure of text."""

from datetime import UTC, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.hazards.history import (
    UNERASABLE_FACTS,
    NewEntry,
    append_history,
    entry_digest,
    erasable_texts,
    erase_texts,
    find_history_defects,
)
from inspections.hazards.records import Hazard, HistoryEntry, State
from inspections.remediation.steps import Report, Step
from tests.builders.histories import history_defects, history_summary, office_with_histories, round_trip_json
from tests.builders.office import NOW, Office, new_id

OFFICE, HAZARDS = office_with_histories()


def histories():
    """Return every history of the office, each with the heading of its hazard."""
    return [(history_summary(hazard), OFFICE.history(hazard.id)) for hazard in OFFICE.all(Hazard)]


def found_defects(head, lines):
    return [each.what for each in find_history_defects(head, lines)]


def test_written_histories_have_no_defects_before_and_after_storage():
    assert len(histories()) == 4  # including the one of the rebound
    for head, lines in histories():
        assert len(lines) == head.length >= 1
        assert found_defects(head, lines) == []
        assert found_defects(head, [round_trip_json(line) for line in lines]) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


def nested_json(inner):
    lists = st.lists(inner, max_size=3)
    return lists | lists.map(tuple) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)


JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.datetimes(timezones=st.just(UTC)), nested_json, max_leaves=8
)


@given(facts=st.dictionaries(st.sampled_from(["note", "due_at", "kind", "x"]), JSON, max_size=4), now=st.datetimes())
def test_a_digest_is_the_same_before_and_after_storage(facts, now):
    hazard, line = append_history(
        Office(),
        None,
        replace(OFFICE.hazard(HAZARDS[0]), history_length=0, history_head=""),
        NewEntry(new_id(), "note", "wang", now.replace(tzinfo=UTC), facts),
    )
    stored = round_trip_json(line)
    assert found_defects(history_summary(hazard), [stored]) == []
    there = timezone(timedelta(hours=8))
    assert entry_digest("", replace(stored, at=stored.at.astimezone(there))) == line.digest == hazard.history_head


# tampering --------------------------------------------------------------------------------------------------


def changeable_positions(line):
    """Return the positions of a line's JSON where one character can change and the JSON stays readable."""
    text = msgspec.json.encode(line)
    return [at for at, byte in enumerate(text) if chr(byte).isalnum()]


@st.composite
def tampered_histories(draw):
    """Draw a history with one change in it."""
    head, lines = draw(st.sampled_from(histories()))
    lines = list(lines)
    others = [line for _, theirs in histories() for line in theirs]
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["change", "drop", "duplicate", "swap", "insert", "cut", "head"])):
        case "change":
            text = bytearray(msgspec.json.encode(lines[at]))
            where = draw(st.sampled_from(changeable_positions(lines[at])))
            text[where] = draw(st.sampled_from([byte for byte in b"0123456789abcdefxyz" if byte != text[where]]))
            try:
                lines[at] = msgspec.json.decode(text, type=HistoryEntry)
            except ValueError:
                lines[at : at + 1] = []
        case "drop":
            del lines[at]
        case "duplicate":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        case "swap" if len(lines) > 1:
            other = draw(st.integers(0, len(lines) - 1).filter(lambda other: other != at))
            lines[at], lines[other] = lines[other], lines[at]
        case "insert":
            lines.insert(at, draw(st.sampled_from(others)))
        case "cut":
            del lines[at:]
        case _:
            head = replace(head, head=draw(st.sampled_from([line.digest for line in others if line != lines[-1]])))
    return head, lines


@given(tampered_histories())
def test_any_change_of_a_history_is_found(case):
    head, lines = case
    if any(lines == theirs and head == other for other, theirs in histories()):
        return  # a change of characters without a change of meaning: 1.0 and 1.00, upper and lower case of an id
    assert found_defects(head, lines)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", new_id()),
        ("step", "reject"),
        ("by", "qian"),
        ("at", NOW + timedelta(microseconds=1)),
        ("state", State.CLOSED),
        ("version", 7),
        ("facts", {"note": "没有问题"}),
        ("salts", {}),
        ("digest", "sha256:" + "0" * 64),
    ],
)
def test_an_altered_line_is_named(field, value):
    head, lines = histories()[0]
    altered = [*lines[:4], replace(lines[4], **{field: value}), *lines[5:]]
    assert ("line is not what was written", "line 5") in list(find_history_defects(head, altered))


def test_a_removed_line_is_reported_as_a_gap():
    head, lines = histories()[0]
    assert found_defects(head, lines[1:]) == ["line is not in its place", "history is not whole"]
    assert list(find_history_defects(head, [*lines[:2], *lines[3:]])) == [
        ("line is not in its place", "line 4 where 3 should be"),
        ("history is not whole", "6 of 7 lines"),
    ]
    assert list(find_history_defects(head, lines[:-1])) == [("history is not whole", "6 of 7 lines")]
    assert list(find_history_defects(replace(head, length=6), lines[:-1])) == [
        ("history does not end in its head", "line 6")
    ]
    assert found_defects(head, []) == ["history is not whole"]


def test_a_state_that_contradicts_the_history_is_found():
    head, lines = histories()[0]
    assert list(find_history_defects(replace(head, state="cancelled"), lines)) == [
        ("state is not what the history says", "cancelled, history closed")
    ]


# erasing ----------------------------------------------------------------------------------------------------


@given(st.data())
def test_erasing_text_keeps_the_digest_valid_and_leaves_no_salt(data):
    _, lines = data.draw(st.sampled_from(histories()))
    at = data.draw(st.integers(0, len(lines) - 1))
    paths = data.draw(st.sets(st.sampled_from([*erasable_texts(lines[at].facts), "no.such.path"])))
    before = lines[at - 1].digest if at else ""
    after = erase_texts(lines[at], paths)
    assert entry_digest(before, round_trip_json(after)) == lines[at].digest
    assert erase_texts(after, paths) == after
    for path in paths & erasable_texts(lines[at].facts).keys():
        assert erasable_texts(after.facts)[path] is None
        assert lines[at].salts[path] not in msgspec.json.encode(after).decode()


def test_text_erased_without_a_record_is_found():
    head, lines = histories()[0]
    lines = [erase_texts(lines[0], ["description"]), *lines[1:]]
    assert list(find_history_defects(head, lines)) == [("words were erased and no line says by whom", "line 1")]


def test_the_same_text_never_has_the_same_salt_or_digest_twice():
    lines = [line for _, theirs in histories() for line in theirs]
    salts = [salt for line in lines for salt in line.salts.values()]
    assert len(salts) == len(set(salts)) > 10
    gone = [erase_texts(line, erasable_texts(line.facts)).salts for line in lines]
    assert len({digest for its in gone for digest in its.values()}) == len(salts)


FREE_TEXT_FIELDS = {
    *("description", "place", "reason", "note", "method", "on_behalf_of", "words", "basis", "authority", "document"),
    *("measures", "to", "receipt"),
}


def test_every_text_a_person_sends_is_erasable_or_declared_plain():
    """A plain field is no free text: it is an enumeration, or a code, username or digest that was looked up."""
    looked_up = {"community", "category", "lead", "assisting", "photos"}
    for struct in (Report, *Step.__args__):
        for field in msgspec.inspect.type_info(struct).fields:
            if field.name in UNERASABLE_FACTS - looked_up:
                assert not any(isinstance(each, msgspec.inspect.StrType) for each in member_types(field.type)), (
                    field.name
                )
            elif any(isinstance(each, msgspec.inspect.StrType) for each in member_types(field.type)):
                assert field.name in FREE_TEXT_FIELDS | looked_up


def member_types(kind):
    return kind.types if isinstance(kind, msgspec.inspect.UnionType) else [kind]


def test_the_histories_of_the_office_have_no_defects():
    assert history_defects(OFFICE) == []
