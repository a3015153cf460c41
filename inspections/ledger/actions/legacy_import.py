"""Creates hazards from the lines of the old spreadsheet: all or none, and none twice."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.policy import Scope
from inspections.change import Change
from inspections.errors import Missing
from inspections.hazards.deadlines import by_policy, fixing_term, new_deadline
from inspections.hazards.history import NewLine, append_history, comparable
from inspections.hazards.records import OPEN, Entry, Hazard, Party
from inspections.ledger.legacy_import import TITLES, OldLine, Understood
from inspections.ledger.repository import LedgerRepository
from inspections.office.categories import Category, Priority
from inspections.remediation.actions.case import timed
from inspections.remediation.actions.reporting import new_hazard
from inspections.remediation.steps import Report
from inspections.table_import import SHOWN, LineError, LinesWrong

SOURCE = "ledger"


class Imported(Struct, frozen=True):
    """The numbers of lines that became hazards, and of those imported before. `applied`: they are stored.

    `aside`: titles of columns without a field, which are stored in the history.
    """

    applied: bool
    lines: int
    new: int
    already: int
    wrong: int
    errors: list[LineError]
    aside: list[str]


def previewed(repository: LedgerRepository, reach: Scope, said: Understood) -> Imported:
    """Returns the result that an import would have; nothing is stored."""
    fresh, errors = _sorted_out(repository, reach, said)
    again = len(said.lines) - len(fresh) - len(errors)
    shown = [*said.errors, *errors][:SHOWN]
    return Imported(False, said.count, len(fresh), again, said.wrong + len(errors), shown, said.aside)  # noqa: FBT003  # the Struct names the fields


def import_ledger(
    repository: LedgerRepository, by: str, reach: Scope, said: Understood, now: datetime
) -> Change[Imported]:
    """Creates a hazard per new line. Raises LinesWrong where any line has an error."""
    fresh, errors = _sorted_out(repository, reach, said)
    if wrong := said.wrong + len(errors):
        raise LinesWrong([*said.errors, *errors][:SHOWN], wrong)
    new: list[Struct] = []
    for line in fresh:
        new += _case(repository, by, line, now)
    again = said.count - len(fresh)
    answer = Imported(True, said.count, len(fresh), again, 0, [], said.aside)  # noqa: FBT003  # as above
    return Change(answer, tuple(new))


def _sorted_out(repository: LedgerRepository, reach: Scope, said: Understood) -> tuple[list[OldLine], list[LineError]]:
    """The lines that are new, and the errors of others that only the stored data show."""
    fresh: list[OldLine] = []
    errors: list[LineError] = []
    for where, line in said.lines:
        earlier = repository.entry(line.id)
        if not reach.covers_community(line.community):
            errors.append(LineError(where, TITLES["community"][0], "不在您的管理范围内"))
        elif earlier is None:
            fresh.append(line)
        elif differing := _differing(earlier, line):
            columns = "、".join(TITLES[field][0] if field in TITLES else field for field in differing)
            errors.append(LineError(where, TITLES["number"][0], f"该编号已导入过，内容不同：{columns}"))
    return fresh, errors


def _facts(line: OldLine) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(line)
    return {name: value for name, value in facts.items() if name != "id" and value not in (None, {})}


def _differing(earlier: Entry, line: OldLine) -> list[str]:
    facts = _facts(line)
    before = comparable(earlier, facts)
    return sorted(name for name in before.keys() | facts.keys() if before.get(name) != facts.get(name))


def _case(repository: LedgerRepository, by: str, line: OldLine, now: datetime) -> tuple[Hazard, Entry]:
    """A hazard and its history; nobody is notified. An open one keeps its deadline or gets one by policy from today."""
    community, category = repository.community(line.community), repository.category(line.category)
    if community is None or category is None:
        raise Missing("community")
    report = Report(line.id, line.community, line.category, line.description, line.place, line.found_at, line.quantity)
    party = Party("organisation", line.party, line.phone) if line.party else None
    report, of = replace(report, responsible_party=party), (community, category)
    new = new_hazard(repository, report, by, SOURCE, of, line.reported_at)
    new = replace(new, updated_at=now, **_standing(line, new))
    hazard = timed(None, _dated(new, line, category, repository, now), repository, now)
    return append_history(repository, None, hazard, NewLine(line.id, "import", by, now, _facts(line)))


def _standing(line: OldLine, new: Hazard) -> dict[str, Any]:
    names = ("state", "outcome", "severity", "accepted_at", "submitted_at", "closed_at", "quantity_done")
    found = {name: getattr(line, name) for name in names}
    return {
        **found,
        "priority": new.priority or Priority.NORMAL,
        "major_proposed": False,
        "fix_method": line.method,
        "quantity_claimed": line.quantity_done,
        "stage_term": None,
    }


def _dated(hazard: Hazard, line: OldLine, category: Category, repository: LedgerRepository, now: datetime) -> Hazard:
    if line.due_at is not None:
        return replace(hazard, **new_deadline(hazard, line.due_at, line.accepted_at or line.reported_at))
    if hazard.state not in OPEN:
        return hazard
    return replace(hazard, **by_policy(hazard, fixing_term(category, hazard.severity), now, repository.calendar))
