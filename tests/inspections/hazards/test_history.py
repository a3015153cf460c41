"""A history is chained: whatever is changed in it shows, but that words were erased."""

from datetime import UTC, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.hazards.history import PLAIN, NewLine, append_history, breaks, digest_of, erased, texts
from inspections.hazards.records import Entry, Hazard, State
from inspections.remediation.steps import Report, Step
from tests.builders.histories import broken, heading, office_with_histories, through_json
from tests.builders.office import NOW, Office, new_id

OFFICE, HAZARDS = office_with_histories()


def histories():
    """Every history of the office, each with what its hazard says of it."""
    return [(heading(hazard), OFFICE.history(hazard.id)) for hazard in OFFICE.all(Hazard)]


def found(head, lines):
    return [each.what for each in breaks(head, lines)]


def test_what_the_office_writes_is_whole_also_after_it_was_stored():
    assert len(histories()) == 4  # with the one of the rebound
    for head, lines in histories():
        assert len(lines) == head.length >= 1
        assert found(head, lines) == []
        assert found(head, [through_json(line) for line in lines]) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


def nested(inner):
    lists = st.lists(inner, max_size=3)
    return lists | lists.map(tuple) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)


JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.datetimes(timezones=st.just(UTC)), nested, max_leaves=8
)


@given(facts=st.dictionaries(st.sampled_from(["note", "due_at", "kind", "x"]), JSON, max_size=4), now=st.datetimes())
def test_any_facts_and_any_instant_have_one_digest_before_and_after_they_are_stored(facts, now):
    hazard, line = append_history(
        Office(),
        None,
        replace(OFFICE.hazard(HAZARDS[0]), history_length=0, history_head=""),
        NewLine(new_id(), "note", "wang", now.replace(tzinfo=UTC), facts),
    )
    stored = through_json(line)
    assert found(heading(hazard), [stored]) == []
    there = timezone(timedelta(hours=8))
    assert digest_of("", replace(stored, at=stored.at.astimezone(there))) == line.digest == hazard.history_head


# what somebody might do -------------------------------------------------------------------------------------


def bytes_of(line):
    """Where a line's JSON could be changed by one character and still be read."""
    text = msgspec.json.encode(line)
    return [at for at, byte in enumerate(text) if chr(byte).isalnum()]


@st.composite
def tampered(draw):
    """A history in which one thing was changed."""
    head, lines = draw(st.sampled_from(histories()))
    lines = list(lines)
    others = [line for _, theirs in histories() for line in theirs]
    at = draw(st.integers(0, len(lines) - 1))
    match draw(st.sampled_from(["change", "drop", "duplicate", "swap", "insert", "cut", "head"])):
        case "change":
            text = bytearray(msgspec.json.encode(lines[at]))
            where = draw(st.sampled_from(bytes_of(lines[at])))
            text[where] = draw(st.sampled_from([byte for byte in b"0123456789abcdefxyz" if byte != text[where]]))
            try:
                lines[at] = msgspec.json.decode(text, type=Entry)
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


@given(tampered())
def test_any_change_of_a_history_is_found(case):
    head, lines = case
    if any(lines == theirs and head == other for other, theirs in histories()):
        return  # a change of letters that is none: 1.0 and 1.00, upper and lower case of an id
    assert found(head, lines)


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
def test_a_line_that_is_altered_names_itself(field, value):
    head, lines = histories()[0]
    altered = [*lines[:4], replace(lines[4], **{field: value}), *lines[5:]]
    assert ("line is not what was written", "line 5") in list(breaks(head, altered))


def test_a_line_that_is_removed_names_the_gap():
    head, lines = histories()[0]
    assert found(head, lines[1:]) == ["line is not in its place", "history is not whole"]
    assert list(breaks(head, [*lines[:2], *lines[3:]])) == [
        ("line is not in its place", "line 4 where 3 should be"),
        ("history is not whole", "6 of 7 lines"),
    ]
    assert list(breaks(head, lines[:-1])) == [("history is not whole", "6 of 7 lines")]
    assert list(breaks(replace(head, length=6), lines[:-1])) == [("history does not end in its head", "line 6")]
    assert found(head, []) == ["history is not whole"]


def test_a_state_that_no_line_led_to_is_found():
    head, lines = histories()[0]
    assert list(breaks(replace(head, state="cancelled"), lines)) == [
        ("state is not what the history says", "cancelled, history closed")
    ]


# erasing ----------------------------------------------------------------------------------------------------


@given(st.data())
def test_erasing_any_words_leaves_the_digest_right_and_nothing_to_guess_from(data):
    _, lines = data.draw(st.sampled_from(histories()))
    at = data.draw(st.integers(0, len(lines) - 1))
    paths = data.draw(st.sets(st.sampled_from([*texts(lines[at].facts), "no.such.path"])))
    before = lines[at - 1].digest if at else ""
    after = erased(lines[at], paths)
    assert digest_of(before, through_json(after)) == lines[at].digest
    assert erased(after, paths) == after
    for path in paths & texts(lines[at].facts).keys():
        assert texts(after.facts)[path] is None
        assert lines[at].salts[path] not in msgspec.json.encode(after).decode()


def test_words_that_vanished_without_a_word_are_found():
    head, lines = histories()[0]
    lines = [erased(lines[0], ["description"]), *lines[1:]]
    assert list(breaks(head, lines)) == [("words were erased and no line says by whom", "line 1")]


def test_the_same_words_never_have_the_same_digest_twice():
    lines = [line for _, theirs in histories() for line in theirs]
    salts = [salt for line in lines for salt in line.salts.values()]
    assert len(salts) == len(set(salts)) > 10
    gone = [erased(line, texts(line.facts)).salts for line in lines]
    assert len({digest for its in gone for digest in its.values()}) == len(salts)


FREE = {
    *("description", "place", "reason", "note", "method", "on_behalf_of", "words", "basis", "authority", "document"),
    *("measures", "to", "receipt"),
}


def test_every_text_that_a_person_sends_is_words_to_be_erased_or_named_as_plain():
    """What is left plain is no free text: an enumeration, or a code, username or digest that was looked up."""
    looked_up = {"community", "category", "lead", "assisting", "photos"}
    for struct in (Report, *Step.__args__):
        for field in msgspec.inspect.type_info(struct).fields:
            if field.name in PLAIN - looked_up:
                assert not any(isinstance(each, msgspec.inspect.StrType) for each in types_of(field.type)), field.name
            elif any(isinstance(each, msgspec.inspect.StrType) for each in types_of(field.type)):
                assert field.name in FREE | looked_up


def types_of(kind):
    return kind.types if isinstance(kind, msgspec.inspect.UnionType) else [kind]


def test_the_office_s_histories_hold():
    assert broken(OFFICE) == []
