"""The history of a hazard: a hash chain of lines, which are appended, erased and verified here.

The digest of a line covers the digest of the line before and the line's canonical bytes: JSON with sorted keys and
times in UTC, in which each free text is replaced by its own salted digest. A text can therefore be erased: its digest
stays, its salt is deleted with it, and the chain still verifies although nobody can guess the text any more.
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
"""Facts that are no free text. Text under any other name can be erased; an omission here errs on that side."""

ERASE = "erase"
ERASED = "（已删除）"
"""The placeholder for an erased text where a text is required."""

_ALGORITHM = "sha256:"
_canonical = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.decode


class ErasedFields(Struct, frozen=True):
    """The erased fact paths of one history entry, as recorded by an `erase` entry."""

    entry: UUID
    fields: tuple[str, ...]


class NewLine(NamedTuple):
    """A history entry to append: the step, its author, its time and its facts. `acting_for`: see HistoryEntry."""

    id: UUID
    step: str
    by: str
    at: datetime
    facts: dict[str, Any]
    acting_for: str | None = None


def append_history(
    repository: HazardRepository, before: Hazard | None, hazard: Hazard, line: NewLine
) -> tuple[Hazard, Entry]:
    """Appends a line to the hash chain; returns the hazard with its new head, and the chained entry.

    `hazard`: the hazard after the step; `before`: the one before the step, None for the first line.
    """
    kept: dict[str, Any] = _decode(_canonical(line.facts))  # as a store returns them, so that the digest matches
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
    """Returns the deadlines that differ between the two hazards."""
    return Clocks(
        **{
            name: value
            for name in Clocks.__struct_fields__
            if (value := getattr(after, name)) != (getattr(before, name) if before else None)
        }
    )


def replayed(lines: Iterable[Entry]) -> Clocks:
    """Replays the deadlines of a hazard from its history, from the first line to the last of `lines`."""
    known: dict[str, Any] = {}
    for line in lines:
        known |= {name: value for name, value in asdict(line.clocks).items() if value is not UNSET}
    return Clocks(**known)


def digest_of(previous: str, line: Entry) -> str:
    """Computes the expected digest of a line. `previous`: the digest of the line before, or an empty string."""
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
    """Returns the digest that represents a text in its line's digest. For an erased text it is stored as its salt."""
    return salt if text is None else _digest(f"{salt or ''}{text}".encode())


def _digest(data: bytes) -> str:
    return _ALGORITHM + sha256(data).hexdigest()


def _walked(value: Any, path: str, text_at: Callable[[str, str | None], Any]) -> Any:
    """Maps `text_at(path, text)` over each text that can be or was erased. Path example: `fixed_on_spot.method`."""
    if isinstance(value, dict):
        before = f"{path}." if path else ""
        items = cast("dict[str, Any]", value).items()
        return {name: kept if name in PLAIN else _walked(kept, before + name, text_at) for name, kept in items}
    if isinstance(value, list):
        return [_walked(each, f"{path}.{at}", text_at) for at, each in enumerate(cast("list[Any]", value))]
    return text_at(path, value) if value is None or isinstance(value, str) else value


def texts(facts: dict[str, Any]) -> dict[str, str | None]:
    """Returns the free texts and names in `facts` by path; None for an erased one."""
    found: dict[str, str | None] = {}
    _walked(facts, "", found.__setitem__)
    return found


# erasing ----------------------------------------------------------------------------------------------------


def erased(entry: Entry, paths: Collection[str]) -> Entry:
    """Erases the texts at `paths`; the digest of each replaces its salt, so that the line's digest stays valid."""
    salts = dict(entry.salts)

    def without(path: str, text: str | None) -> str | None:
        if text is None or path not in paths:
            return text
        salts[path] = _digest(f"{salts.get(path, '')}{text}".encode())
        return None

    return replace(entry, facts=_walked(entry.facts, "", without), salts=salts)


def gone(entry: Entry) -> list[str]:
    """Returns the paths of the texts that were erased from this line."""
    return [path for path, salt in entry.salts.items() if salt.startswith(_ALGORITHM)]


def comparable(entry: Entry, sent: dict[str, Any]) -> dict[str, Any]:
    """Returns a line's facts for comparison with facts sent again; erased fields are taken from `sent`."""
    names = {path.partition(".")[0] for path in gone(entry)}
    left = {name: value for name, value in entry.facts.items() if name not in names}
    return left | {name: sent[name] for name in names & sent.keys()}


# checking ---------------------------------------------------------------------------------------------------


class Heading(Struct, frozen=True):
    """The history as the hazard record states it: number of lines, digest of the last line, resulting state.

    `state` is plain text, since a damaged record may hold an invalid state.
    """

    hazard: UUID
    number: str
    state: str
    length: int
    head: str


class Break(NamedTuple):
    """A defect of a history: what is wrong, and at which line."""

    what: str
    where: str


def breaks(heading: Heading, lines: Sequence[Entry]) -> Iterator[Break]:
    """Yields what was altered, removed, inserted or moved in the history of a hazard.

    A rewritten chain, or one cut off together with its head, is found only by comparison with heads kept elsewhere.
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
    """Yields lines with erased texts that no `erase` line documents, since erasing needs no key."""
    said = {(each.entry, path) for line in lines for each in erased_by(line) for path in each.fields}
    for line in lines:
        if any((line.id, path) not in said for path in gone(line)):
            yield Break("words were erased and no line says by whom", f"line {line.seq}")


def erased_by(line: Entry) -> list[ErasedFields]:
    """Returns what an `erase` line documents; an empty list for other lines and for invalid content."""
    try:
        return msgspec.convert(line.facts.get("erased", []) if line.step == ERASE else [], list[ErasedFields])
    except msgspec.ValidationError:
        return []
