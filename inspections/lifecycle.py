"""ONE table: which step leads from which state to which. The only place a hazard's state changes.

Who may take a step stands in policy.py; what a step needs, in its Struct (steps.py) and its action.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from inspections.errors import WrongState
from inspections.hazards import OPEN, Hazard, State

_S = State
_UNDER_WORK = (_S.ASSIGNED, _S.RECTIFYING)
_BEFORE_FIX = (_S.REPORTED, _S.ACCEPTED, *_UNDER_WORK)


def _to(target: State, sources: Iterable[State]) -> dict[State, State]:
    return dict.fromkeys(sources, target)


def _same(states: Iterable[State]) -> dict[State, State]:
    return {state: state for state in states}


MOVES: dict[str, dict[State, State]] = {
    "accept": _to(_S.ACCEPTED, [_S.REPORTED]),
    "reject": _to(_S.REJECTED, [_S.REPORTED]),
    "merge": _to(_S.DUPLICATE, [_S.REPORTED, _S.ACCEPTED, _S.ASSIGNED]),
    "verify": _to(_S.CLOSED, _BEFORE_FIX),
    "assign": _to(_S.ASSIGNED, [_S.ACCEPTED, *_UNDER_WORK]),
    "return": _to(_S.ACCEPTED, [_S.ASSIGNED]),
    "start": _to(_S.RECTIFYING, [_S.ASSIGNED]),
    "submit_fix": _to(_S.PENDING_RECHECK, _UNDER_WORK),
    "recheck.pass": _to(_S.CLOSED, [_S.PENDING_RECHECK]),
    "recheck.fail": _to(_S.RECTIFYING, [_S.PENDING_RECHECK]),
    "recheck.partial": _to(_S.RECTIFYING, [_S.PENDING_RECHECK]),
    "recheck.refused": _to(_S.CLOSED, [*_UNDER_WORK, _S.PENDING_RECHECK]),
    "attach": _same(State),
    "note": _same(State),
    "look_back": _same([_S.CLOSED]),
    "draw": _to(_S.PENDING_RECHECK, [_S.CLOSED]),
}
BY_ITSELF = frozenset({"draw"})
"""Moves that nobody takes: the server does."""


def possible(state: State) -> list[str]:
    """The steps that people can take on a hazard in `state`."""
    return [move for move, targets in MOVES.items() if state in targets and move not in BY_ITSELF]


def check(hazard: Hazard, move: str) -> State:
    """The state that `move` leads to. Raises WrongState where the table has no such move from the present one."""
    target = MOVES[move].get(hazard.state)
    if target is None:
        raise WrongState(hazard.state, move, possible(hazard.state))
    return target


def moved(hazard: Hazard, move: str, now: datetime, **facts: Any) -> Hazard:
    """The hazard after `move`, one version further, with `facts` set. Raises WrongState."""
    target = check(hazard, move)
    ended = {"closed_at": now} if hazard.state in OPEN and target not in OPEN else {}
    return replace(
        hazard,
        state=target,
        version=hazard.version + 1,
        updated_at=now,
        **ended,
        **facts,
    )
