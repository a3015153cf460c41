"""A hazard's history: every line of it is written here, chained to the line before it, and checked here.

A line's digest is taken over the digest of the line before it and the line's canonical bytes: JSON with sorted keys,
instants in UTC, and in the place of each free word or name a digest of its own, made with a salt of its own. So words
can be erased: their digest stays, their salt goes with them, and the chain holds over what nobody can guess any more.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from inspections.hazards.records import Clocks, Entry, Hazard
from inspections.hazards.repository import HazardRepository

PLAIN = frozenset(
    {
        *("community", "category", "kind", "severity", "priority", "outcome", "result", "rung", "crs"),  # codes
        *("level", "proposes"),  # names
        *("lead", "assisting", "reporter", "into", "recurrence_of", "entries"),  # usernames and ids
        *("from", "number", "along", "dispatch_rule", "link"),  # ids and numbers
        *("found_at", "made_at", "expires_at", "review_at", "reply_due_at", "time_limit"),  # instants
        *(f"{clock}due_at{which}" for clock in ("", "accept_", "start_", "recheck_") for which in ("", "_before")),
        *("reply_due_at_before", "photos"),  # and digests
        *("recheck", "flags", "fields", "erased"),  # names of rules and of fields
    }
)
"""Facts that are no free words. Text under any other name can be erased: what is forgotten here errs to that side."""

ERASE = "erase"
ERASED = "（已删除）"
"""What stands for erased words where there must be some."""

_ALGORITHM = "sha256:"
_canonical = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.decode


class ErasedFields(Struct, frozen=True):
    """Of one line of history, the paths of facts that were erased; what a line `erase` keeps."""

    entry: UUID
    fields: tuple[str, ...]


class NewLine(NamedTuple):
    """A line that is to be written: which step who took, and what facts came with it. `acting_for`: see Entry."""

    id: UUID
    step: str
    by: str
    at: datetime
    facts: dict[str, Any]
    acting_for: str | None = None


def append_history(
    repository: HazardRepository, before: Hazard | None, hazard: Hazard, line: NewLine
) -> tuple[Hazard, Entry]:
    """The hazard one line further, and that line, chained to the one before it.

    `hazard`: what it is after the step; `before`: what it was, None where the line is its first.
    """
    kept: dict[str, Any] = _decode(_canonical(line.facts))  # as they come back from a store: so is their digest
    salts: dict[str, str] = {}

    def salted(path: str, text: str | None) -> str | None:
        salts[path] = repository.new_salt()
        return _sealed(text, salts[path])

    sealed, length, clocks = _walked(kept, "", salted), hazard.history_length + 1, _set(before, hazard)
    entry = Entry(
        line.id, hazard.id, length, line.step, line.by, line.at, hazard.state, hazard.version, kept, salts, "", clocks,
        line.acting_for,
    )  # fmt: skip
    digest = _chained(hazard.history_head, entry, sealed)
    return replace(hazard, history_length=length, history_head=digest), replace(entry, digest=digest)


def _set(before: Hazard | None, after: Hazard) -> Clocks:
    """The deadlines that are not what they were."""
    return Clocks(
        **{
            name: value
            for name in Clocks.__struct_fields__
            if (value := getattr(after, name)) != (getattr(before, name) if before else None)
        }
    )


def replayed(lines: Iterable[Entry]) -> Clocks:
    """The deadlines of a hazard as its history tells them, from the first line to the last of `lines`."""
    known: dict[str, Any] = {}
    for line in lines:
        known |= {name: value for name, value in asdict(line.clocks).items() if value is not UNSET}
    return Clocks(**known)


def digest_of(previous: str, line: Entry) -> str:
    """What the digest of a line should be. `previous`: that of the line before, or nothing."""
    return _chained(previous, line, _walked(line.facts, "", lambda path, text: _sealed(text, line.salts.get(path))))


def _chained(previous: str, line: Entry, sealed: Any) -> str:
    said = {
        "hazard": line.hazard,
        "seq": line.seq,
        "id": line.id,
        "step": line.step,
        "by": line.by,
        "at": line.at.astimezone(UTC),
        "state": line.state,
        "version": line.version,
        "facts": sealed,
        "clocks": line.clocks,
        "acting_for": line.acting_for,
    }
    return _digest(previous.encode() + _canonical(said))


def _sealed(text: str | None, salt: str | None) -> str | None:
    """What of a text goes into the digest of its line. Of an erased one, it stands where its salt was."""
    return salt if text is None else _digest(f"{salt or ''}{text}".encode())


def _digest(data: bytes) -> str:
    return _ALGORITHM + sha256(data).hexdigest()


def _walked(value: Any, path: str, text_at: Callable[[str, str | None], Any]) -> Any:
    """`value` with what `text_at` makes of each text that can be erased, or has been. Paths: `fixed_on_spot.method`."""
    if isinstance(value, dict):
        before = f"{path}." if path else ""
        items = cast("dict[str, Any]", value).items()
        return {name: kept if name in PLAIN else _walked(kept, before + name, text_at) for name, kept in items}
    if isinstance(value, list):
        return [_walked(each, f"{path}.{at}", text_at) for at, each in enumerate(cast("list[Any]", value))]
    return text_at(path, value) if value is None or isinstance(value, str) else value


def texts(facts: dict[str, Any]) -> dict[str, str | None]:
    """The free words and names in `facts`, by their paths; None for one that is erased."""
    found: dict[str, str | None] = {}
    _walked(facts, "", found.__setitem__)
    return found


# erasing ----------------------------------------------------------------------------------------------------


def erased(entry: Entry, paths: Collection[str]) -> Entry:
    """The line without the texts at `paths`: the digest of each takes the place of its salt, so its own stays right."""
    salts = dict(entry.salts)

    def without(path: str, text: str | None) -> str | None:
        if text is None or path not in paths:
            return text
        salts[path] = _digest(f"{salts.get(path, '')}{text}".encode())
        return None

    return replace(entry, facts=_walked(entry.facts, "", without), salts=salts)


def gone(entry: Entry) -> list[str]:
    """The paths of what was erased from this line."""
    return [path for path, salt in entry.salts.items() if salt.startswith(_ALGORITHM)]


def comparable(entry: Entry, sent: dict[str, Any]) -> dict[str, Any]:
    """The facts of a line beside those that were sent again: a field that was erased can no longer differ."""
    names = {path.partition(".")[0] for path in gone(entry)}
    left = {name: value for name, value in entry.facts.items() if name not in names}
    return left | {name: sent[name] for name in names & sent.keys()}


# checking ---------------------------------------------------------------------------------------------------


class Heading(Struct, frozen=True):
    """What a hazard says of its history: how many lines it has, the digest of the last, and the state that one led to.

    `state` is text: what is checked may be none.
    """

    hazard: UUID
    number: str
    state: str
    length: int
    head: str


class Break(NamedTuple):
    """Where a history is not what was written: what is wrong, and at which line."""

    what: str
    where: str


def breaks(heading: Heading, lines: Sequence[Entry]) -> Iterator[Break]:
    """Whatever was altered, removed, inserted or moved in the history of a hazard.

    Whoever writes a whole chain anew, or cuts off its end and its head too, is found only by heads kept elsewhere.
    """
    expected, last = 1, ""
    for line in lines:
        if (line.hazard, line.seq) != (heading.hazard, expected):
            yield Break("line is not in its place", f"line {line.seq} where {expected} should be")
        elif line.digest != digest_of(last, line) or line.salts.keys() != texts(line.facts).keys():
            yield Break("line is not what was written", f"line {line.seq}")
        expected, last = line.seq + 1, line.digest
    if len(lines) != heading.length:
        yield Break("history is not whole", f"{len(lines)} of {heading.length} lines")
    elif last != heading.head:
        yield Break("history does not end in its head", f"line {heading.length}")
    elif lines and heading.state != lines[-1].state:
        yield Break("state is not what the history says", f"{heading.state}, history {lines[-1].state}")
    yield from _unsaid(lines)


def _unsaid(lines: Sequence[Entry]) -> Iterator[Break]:
    """Erasing needs no key; so each erased text must be named by a line that says who erased it."""
    said = {(each.entry, path) for line in lines for each in erased_by(line) for path in each.fields}
    for line in lines:
        if any((line.id, path) not in said for path in gone(line)):
            yield Break("words were erased and no line says by whom", f"line {line.seq}")


def erased_by(line: Entry) -> list[ErasedFields]:
    """What a line `erase` says was erased; nothing for any other, and for one that nobody here has written."""
    try:
        return msgspec.convert(line.facts.get("erased", []) if line.step == ERASE else [], list[ErasedFields])
    except msgspec.ValidationError:
        return []
