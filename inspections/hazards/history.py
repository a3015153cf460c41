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

from inspections.hazards.records import Clocks, Hazard, HistoryEntry
from inspections.hazards.repository import HazardRepository

UNERASABLE_FACTS = frozenset(
    {
        *(
            "community",
            "category",
            "kind",
            "severity",
            "priority",
            "outcome",
            "vehicle_standard",
            "result",
            "rung",
            "crs",
        ),  # codes
        *("level", "proposes"),  # names
        *("lead", "assisting", "reporter", "into", "recurrence_of", "entries"),  # usernames and ids
        *("from", "number", "along", "dispatch_rule", "link"),  # ids and numbers
        *(
            "found_at",
            "found_at_sent",
            "made_at",
            "made_at_sent",
            "expires_at",
            "review_at",
            "reply_due_at",
            "time_limit",
        ),  # instants
        *(f"{clock}due_at{which}" for clock in ("", "accept_", "start_", "recheck_") for which in ("", "_before")),
        *("reply_due_at_before", "photos"),  # and digests
        *("recheck", "flags", "fields", "erased"),  # names of rules and of fields
    }
)
"""Facts that are no free text. Text under any other name can be erased; an omission here errs on that side."""

ERASE_STEP = "erase"
ERASED_TEXT = "（已删除）"
"""The placeholder for an erased text where a text is required."""

_ALGORITHM = "sha256:"
_canonical = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.decode


class ErasedFields(Struct, frozen=True):
    """The erased fact paths of one history entry, as recorded by an `erase` entry."""

    entry: UUID
    fields: tuple[str, ...]


class NewEntry(NamedTuple):
    """A history entry to append: the step, its author, its time and its facts. `acting_for`: see HistoryEntry."""

    id: UUID
    step: str
    by: str
    at: datetime
    facts: dict[str, Any]
    acting_for: str | None = None


def append_history(
    repository: HazardRepository, before: Hazard | None, hazard: Hazard, line: NewEntry
) -> tuple[Hazard, HistoryEntry]:
    """Appends a line to the hash chain; returns the hazard with its new head, and the chained entry.

    `hazard`: the hazard after the step; `before`: the one before the step, None for the first line.
    """
    kept: dict[str, Any] = _decode(_canonical(line.facts))  # as a store returns them, so that the digest matches
    salts: dict[str, str] = {}

    def seal(path: str, text: str | None) -> str | None:
        salts[path] = repository.new_salt()
        return _text_digest(text, salts[path])

    sealed, length, clocks = _map_texts(kept, "", seal), hazard.history_length + 1, _changed_clocks(before, hazard)
    entry = HistoryEntry(
        line.id, hazard.id, length, line.step, line.by, line.at, hazard.state, hazard.version, kept, salts, "", clocks,
        line.acting_for,
    )  # fmt: skip
    digest = _chain_digest(hazard.history_head, entry, sealed)
    return replace(hazard, history_length=length, history_head=digest), replace(entry, digest=digest)


def _changed_clocks(before: Hazard | None, after: Hazard) -> Clocks:
    """Returns the deadlines that differ between the two hazards."""
    return Clocks(
        **{
            name: value
            for name in Clocks.__struct_fields__
            if (value := getattr(after, name)) != (getattr(before, name) if before else None)
        }
    )


def replay_clocks(lines: Iterable[HistoryEntry]) -> Clocks:
    """Replays the deadlines of a hazard from its history, from the first line to the last of `lines`."""
    known: dict[str, Any] = {}
    for line in lines:
        known |= {name: value for name, value in asdict(line.clocks).items() if value is not UNSET}
    return Clocks(**known)


def entry_digest(previous: str, line: HistoryEntry) -> str:
    """Computes the expected digest of a line. `previous`: the digest of the line before, or an empty string."""
    return _chain_digest(
        previous, line, _map_texts(line.facts, "", lambda path, text: _text_digest(text, line.salts.get(path)))
    )


def _chain_digest(previous: str, line: HistoryEntry, sealed: Any) -> str:
    content = {
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
    return _digest(previous.encode() + _canonical(content))


def _text_digest(text: str | None, salt: str | None) -> str | None:
    """Returns the digest that represents a text in its line's digest. For an erased text it is stored as its salt."""
    return salt if text is None else _digest(f"{salt or ''}{text}".encode())


def _digest(data: bytes) -> str:
    return _ALGORITHM + sha256(data).hexdigest()


def _map_texts(value: Any, path: str, text_at: Callable[[str, str | None], Any]) -> Any:
    """Maps `text_at(path, text)` over each text that can be or was erased. Path example: `fixed_on_spot.method`."""
    if isinstance(value, dict):
        before = f"{path}." if path else ""
        items = cast("dict[str, Any]", value).items()
        return {
            name: kept if name in UNERASABLE_FACTS else _map_texts(kept, before + name, text_at) for name, kept in items
        }
    if isinstance(value, list):
        return [_map_texts(each, f"{path}.{at}", text_at) for at, each in enumerate(cast("list[Any]", value))]
    return text_at(path, value) if value is None or isinstance(value, str) else value


def erasable_texts(facts: dict[str, Any]) -> dict[str, str | None]:
    """Returns the free texts and names in `facts` by path; None for an erased one."""
    found: dict[str, str | None] = {}
    _map_texts(facts, "", found.__setitem__)
    return found


# erasing ----------------------------------------------------------------------------------------------------


def erase_texts(entry: HistoryEntry, paths: Collection[str]) -> HistoryEntry:
    """Erases the texts at `paths`; the digest of each replaces its salt, so that the line's digest stays valid."""
    salts = dict(entry.salts)

    def erase_text(path: str, text: str | None) -> str | None:
        if text is None or path not in paths:
            return text
        salts[path] = _digest(f"{salts.get(path, '')}{text}".encode())
        return None

    return replace(entry, facts=_map_texts(entry.facts, "", erase_text), salts=salts)


def erased_paths(entry: HistoryEntry) -> list[str]:
    """Returns the paths of the texts that were erased from this line."""
    return [path for path, salt in entry.salts.items() if salt.startswith(_ALGORITHM)]


def comparable_facts(entry: HistoryEntry, sent: dict[str, Any]) -> dict[str, Any]:
    """Returns a line's facts for comparison with facts sent again; erased fields are taken from `sent`."""
    names = {path.partition(".")[0] for path in erased_paths(entry)}
    left = {name: value for name, value in entry.facts.items() if name not in names}
    return left | {name: sent[name] for name in names & sent.keys()}


# checking ---------------------------------------------------------------------------------------------------


class HistorySummary(Struct, frozen=True):
    """The history as the hazard record states it: number of lines, digest of the last line, resulting state.

    `state` is plain text, since a damaged record may hold an invalid state.
    """

    hazard: UUID
    number: str
    state: str
    length: int
    head: str


class HistoryDefect(NamedTuple):
    """A defect of a history: what is wrong, and at which line."""

    what: str
    where: str


def find_history_defects(heading: HistorySummary, lines: Sequence[HistoryEntry]) -> Iterator[HistoryDefect]:
    """Yields what was altered, removed, inserted or moved in the history of a hazard.

    A rewritten chain, or one cut off together with its head, is found only by comparison with heads kept elsewhere.
    """
    expected, last = 1, ""
    for line in lines:
        if (line.hazard, line.seq) != (heading.hazard, expected):
            yield HistoryDefect("line is not in its place", f"line {line.seq} where {expected} should be")
        elif line.digest != entry_digest(last, line) or line.salts.keys() != erasable_texts(line.facts).keys():
            yield HistoryDefect("line is not what was written", f"line {line.seq}")
        expected, last = line.seq + 1, line.digest
    if len(lines) != heading.length:
        yield HistoryDefect("history is not whole", f"{len(lines)} of {heading.length} lines")
    elif last != heading.head:
        yield HistoryDefect("history does not end in its head", f"line {heading.length}")
    elif lines and heading.state != lines[-1].state:
        yield HistoryDefect("state is not what the history says", f"{heading.state}, history {lines[-1].state}")
    yield from _undocumented_erasures(lines)


def _undocumented_erasures(lines: Sequence[HistoryEntry]) -> Iterator[HistoryDefect]:
    """Yields lines with erased texts that no `erase` line documents, since erasing needs no key."""
    erasures = {(each.entry, path) for line in lines for each in documented_erasures(line) for path in each.fields}
    for line in lines:
        if any((line.id, path) not in erasures for path in erased_paths(line)):
            yield HistoryDefect("words were erased and no line says by whom", f"line {line.seq}")


def documented_erasures(line: HistoryEntry) -> list[ErasedFields]:
    """Returns what an `erase` line documents; an empty list for other lines and for invalid content."""
    try:
        return msgspec.convert(line.facts.get("erased", []) if line.step == ERASE_STEP else [], list[ErasedFields])
    except msgspec.ValidationError:
        return []
