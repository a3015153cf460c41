"""Plans a simulated year: which hazards are reported, and how each of them ends. Seeded, so always the same.

Two totals are the office's own of 2024 and come out of the statistics: 291 处 windows removed, altered or given an
opening, rising from February, and 43 electricity causes behind alarms, fixed in the pilot month of June. All else is
invented.
"""

import random
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from api.demo.alarms import demo_device
from api.demo.chance import seeded_random
from api.demo.office import COMMUNITIES, WITH_HANDLER
from inspections.calendar import shanghai_instant
from inspections.monitoring.devices import NewMonitor

WINDOWS_BY_MONTH = {2: 8, 3: 14, 4: 18, 5: 22, 6: 26, 7: 28, 8: 30, 9: 32, 10: 35, 11: 38, 12: 40}
PILOT_MONTH = 6
CAUSES = {"EL-01": 18, "EL-02": 15, "EL-03": 10}
_OTHERS = {
    "EB-01": 90, "EB-02": 55, "EB-03": 60, "EB-04": 12, "EB-05": 18, "EB-06": 15,
    "EV-01": 60, "EV-02": 35, "EV-03": 85, "FF-01": 60, "GS-01": 40, "HW-01": 10, "MU-01": 4, "OT-99": 20,
}  # fmt: skip
_FIXED_BY_NATURE = {"WN", "EL"}


class ScenarioOutcome(Enum):
    """The course of a scenario."""

    FIXED = auto()
    ON_SPOT = auto()
    RETURNED = auto()  # 退单, assigned again, fixed
    REWORKED = auto()  # the first re-check fails
    LATE = auto()  # fixed after its deadline
    PARTIAL = auto()  # fixed in two parts
    REFUSED = auto()  # 拒改: controlled, never fixed
    REBOUND = auto()  # fixed, but it recurs
    REJECTED = auto()
    MERGED = auto()
    UNFOUNDED = auto()
    SELF_RESOLVED = auto()
    UNDER_WAY = auto()  # assigned and started


_OUTCOME_WEIGHTS = {
    ScenarioOutcome.FIXED: 36, ScenarioOutcome.ON_SPOT: 30, ScenarioOutcome.RETURNED: 5, ScenarioOutcome.REWORKED: 6,
    ScenarioOutcome.LATE: 7, ScenarioOutcome.REFUSED: 2, ScenarioOutcome.REBOUND: 3, ScenarioOutcome.REJECTED: 3,
    ScenarioOutcome.MERGED: 3, ScenarioOutcome.UNFOUNDED: 3, ScenarioOutcome.SELF_RESOLVED: 2,
}  # fmt: skip


class Scenario(NamedTuple):
    """One hazard of the year. All else about it is derived from `seed`. `device`: whose alarm it begins with."""

    id: UUID
    seed: str
    reported: datetime
    community: str
    category: str
    quantity: int
    outcome: ScenarioOutcome
    place: str
    device: NewMonitor | None = None


_FEW = 3
"""The largest quantity that is fixed at once; more is fixed in two parts."""


def plan_scenarios(year: int) -> list[Scenario]:
    """Every hazard of the year, in the order of their reports."""
    chance = seeded_random(f"anxun/{year}")
    told = [*_window_scenarios(year, chance), *_cause_scenarios(year, chance), *_other_scenarios(year, chance)]
    told.append(_lift_scenario(year))
    return sorted(told, key=lambda story: story.reported)


def _window_scenarios(year: int, chance: random.Random) -> list[Scenario]:
    told: list[Scenario] = []
    for month, total in WINDOWS_BY_MONTH.items():
        left = total
        while left:
            quantity = min(left, chance.choice((1, 1, 2, 2, 3, 4, 6)))
            left -= quantity
            fate = (
                ScenarioOutcome.PARTIAL
                if quantity > _FEW
                else chance.choice(
                    (ScenarioOutcome.FIXED, ScenarioOutcome.FIXED, ScenarioOutcome.FIXED, ScenarioOutcome.REWORKED)
                )
            )
            code = chance.choice(("WN-01", "WN-02", "WN-02", "WN-04"))
            told.append(
                _plan_scenario(
                    chance, _random_work_time(chance, date(year, month, chance.randrange(1, 13))), code, quantity, fate
                )
            )
        unwilling = chance.choice((ScenarioOutcome.REFUSED, ScenarioOutcome.UNFOUNDED, ScenarioOutcome.REJECTED))
        told.append(
            _plan_scenario(
                chance,
                _random_work_time(chance, date(year, month, 3)),
                "WN-03" if unwilling is ScenarioOutcome.REJECTED else "WN-02",
                1,
                unwilling,
            )
        )
    return told


def _cause_scenarios(year: int, chance: random.Random) -> list[Scenario]:
    codes = [code for code, number in CAUSES.items() for _ in range(number)]
    told = [
        _plan_scenario(
            chance,
            _random_work_time(chance, date(year, PILOT_MONTH, chance.randrange(1, 21))),
            code,
            1,
            ScenarioOutcome.FIXED,
        )
        for code in codes
    ]
    told.append(
        _plan_scenario(
            chance, _random_work_time(chance, date(year, PILOT_MONTH, 9)), "EL-02", 1, ScenarioOutcome.UNFOUNDED
        )
    )
    return [_begin_with_alarm(story, number) for number, story in enumerate(told, 1)]


def _begin_with_alarm(story: Scenario, number: int) -> Scenario:
    return story._replace(device=demo_device(number, story.category, story.community, story.place))


def _lift_scenario(year: int) -> Scenario:
    """An e-bike in a lift on the last evening of the year: a visit is under way, its cause is not yet set."""
    chance = seeded_random(f"anxun/{year}/lift")
    seen = shanghai_instant(date(year, 12, 31), time(18, 20)).astimezone(UTC)
    story = _plan_scenario(chance, seen, "EB-02", 1, ScenarioOutcome.UNDER_WAY)
    return _begin_with_alarm(story, sum(CAUSES.values()) + 2)


def _other_scenarios(year: int, chance: random.Random) -> list[Scenario]:
    told: list[Scenario] = []
    first = date(year, 1, 1)
    days = (date(year + 1, 1, 1) - first).days
    for code, number in _OTHERS.items():
        for _ in range(number):
            day = first + timedelta(days=chance.randrange(days))
            fate = chance.choices(list(_OUTCOME_WEIGHTS), list(_OUTCOME_WEIGHTS.values()))[0]
            if code == "OT-99" and fate is ScenarioOutcome.ON_SPOT:
                fate = ScenarioOutcome.FIXED
            told.append(_plan_scenario(chance, _random_work_time(chance, day), code, chance.choice((1, 1, 1, 2)), fate))
    return told


def _plan_scenario(
    chance: random.Random, reported: datetime, code: str, quantity: int, fate: ScenarioOutcome
) -> Scenario:
    seed = f"{reported.isoformat()}/{code}/{chance.randrange(1_000_000)}"
    everywhere = fate in {ScenarioOutcome.ON_SPOT, ScenarioOutcome.REJECTED, ScenarioOutcome.UNFOUNDED}
    community = chance.choice(COMMUNITIES if everywhere and code[:2] not in _FIXED_BY_NATURE else WITH_HANDLER)
    place = f"{chance.randrange(1, 40)}幢{chance.randrange(1, 5)}单元"
    return Scenario(
        uuid5(NAMESPACE_URL, f"anxun-demo/{seed}"), seed, reported, community.code, code, quantity, fate, place
    )


def _random_work_time(chance: random.Random, day: date) -> datetime:
    return shanghai_instant(day, time(chance.randrange(8, 17), chance.randrange(60), chance.randrange(60))).astimezone(
        UTC
    )
