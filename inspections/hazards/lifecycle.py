"""The state machine of a hazard: one table of transitions, and the only place where the state changes.

policy.py decides who may take a step; the step's Struct (steps.py) and its action check what it needs.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from inspections.errors import WrongState
from inspections.hazards.records import OPEN, Hazard, State
from inspections.office.categories import Severity

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
    "recheck.expired": _same(_UNDER_WORK),
    "set_cause": _same([*_BEFORE_FIX, _S.PENDING_RECHECK]),
    "reclassify": _same([*_BEFORE_FIX, _S.PENDING_RECHECK]),
    "propose_major": _same(OPEN - {_S.REPORTED}),
    "confirm_major": _same(OPEN - {_S.REPORTED}),
    "request_extension": _same(_UNDER_WORK),
    "decide_extension": _same(_UNDER_WORK),
    "suspend": _to(_S.SUSPENDED, _UNDER_WORK),
    "resume": _to(_S.RECTIFYING, [_S.SUSPENDED]),  # or back to the state it was suspended from
    "supervise": _same(OPEN),
    "unsupervise": _same(OPEN),
    "transfer": _to(_S.TRANSFERRED, [_S.ACCEPTED, *_UNDER_WORK]),
    "transfer_reply.settled": _to(_S.CLOSED, [_S.TRANSFERRED]),
    "transfer_reply.returned": _to(_S.ACCEPTED, [_S.TRANSFERRED]),
    "attach": _same(State),
    "note": _same(State),
    "look_back": _same([_S.CLOSED]),
    "reopen": _to(_S.ACCEPTED, [_S.CLOSED, _S.REJECTED, _S.DUPLICATE]),
    "evaluate": _same([_S.CLOSED]),
    "cancel": _to(_S.CANCELLED, OPEN),
    "draw": _to(_S.PENDING_RECHECK, [_S.CLOSED]),
}
BY_ITSELF = frozenset({"draw"})
"""Steps that only the server takes."""

_ASKS: dict[str, Callable[[Hazard], bool]] = {
    "confirm_major": lambda hazard: hazard.major_proposed and hazard.severity is not Severity.MAJOR,
    "propose_major": lambda hazard: hazard.severity is not Severity.MAJOR,
    "request_extension": lambda hazard: hazard.extension is None and hazard.due_at is not None,
    "decide_extension": lambda hazard: hazard.extension is not None,
    "unsupervise": lambda hazard: hazard.supervision is not None,
}
"""The conditions of a step beyond the state of the hazard."""


_TAKEN_FROM = {
    state: [move for move, targets in MOVES.items() if state in targets and move not in BY_ITSELF] for state in State
}


def possible(hazard: Hazard) -> list[str]:
    """Returns the steps that people can take on this hazard now."""
    return [move for move in _TAKEN_FROM[hazard.state] if _fits(hazard, move)]


def _fits(hazard: Hazard, move: str) -> bool:
    return move not in _ASKS or _ASKS[move](hazard)


def check(hazard: Hazard, move: str) -> State:
    """Returns the state that `step` leads to. Raises WrongState if the step is not possible now."""
    target = MOVES[move].get(hazard.state)
    if target is None or not _fits(hazard, move):
        raise WrongState(hazard.state, move, possible(hazard))
    return hazard.suspension.state if move == "resume" and hazard.suspension else target


def moved(hazard: Hazard, move: str, now: datetime, **facts: Any) -> Hazard:
    """Returns the hazard after `step`, with its version increased and `facts` set. Raises WrongState."""
    target = check(hazard, move)
    ended = {"closed_at": now} if hazard.state in OPEN and target not in OPEN else {}
    begun = {"stage_number": hazard.stage_number + 1, "stage_from": now} if _begins(hazard, move, target) else {}
    return replace(
        hazard,
        state=target,
        version=hazard.version + 1,
        updated_at=now,
        **ended,
        **begun,
        **facts,
    )


def _begins(hazard: Hazard, move: str, target: State) -> bool:
    """Tells whether a new stage with its own clock begins: on a new state, or on a new assignment to accept (签收)."""
    return target is not hazard.state or move == "assign"
