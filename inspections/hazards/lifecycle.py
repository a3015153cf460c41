"""The state machine of a hazard: one table of transitions, and the only place where the state changes.

policy.py decides who may take a step; the step's Struct (steps.py) and its action check what it needs.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from inspections.errors import WrongState
from inspections.hazards.records import OPEN_STATES, Hazard, State
from inspections.office.categories import Severity

_S = State
_UNDER_WORK = (_S.ASSIGNED, _S.RECTIFYING)
_BEFORE_FIX = (_S.REPORTED, _S.ACCEPTED, *_UNDER_WORK)


def _transitions(target: State, sources: Iterable[State]) -> dict[State, State]:
    return dict.fromkeys(sources, target)


def _keep_state(states: Iterable[State]) -> dict[State, State]:
    return {state: state for state in states}


TRANSITIONS: dict[str, dict[State, State]] = {
    "accept": _transitions(_S.ACCEPTED, [_S.REPORTED]),
    "reject": _transitions(_S.REJECTED, [_S.REPORTED]),
    "merge": _transitions(_S.DUPLICATE, [_S.REPORTED, _S.ACCEPTED, _S.ASSIGNED]),
    "verify": _transitions(_S.CLOSED, _BEFORE_FIX),
    "assign": _transitions(_S.ASSIGNED, [_S.ACCEPTED, *_UNDER_WORK]),
    "return": _transitions(_S.ACCEPTED, [_S.ASSIGNED]),
    "start": _transitions(_S.RECTIFYING, [_S.ASSIGNED]),
    "submit_fix": _transitions(_S.PENDING_RECHECK, _UNDER_WORK),
    "recheck.pass": _transitions(_S.CLOSED, [_S.PENDING_RECHECK]),
    "recheck.fail": _transitions(_S.RECTIFYING, [_S.PENDING_RECHECK]),
    "recheck.partial": _transitions(_S.RECTIFYING, [_S.PENDING_RECHECK]),
    "recheck.refused": _transitions(_S.CLOSED, [*_UNDER_WORK, _S.PENDING_RECHECK]),
    "recheck.expired": _keep_state(_UNDER_WORK),
    "set_cause": _keep_state([*_BEFORE_FIX, _S.PENDING_RECHECK]),
    "reclassify": _keep_state([*_BEFORE_FIX, _S.PENDING_RECHECK]),
    "propose_major": _keep_state(OPEN_STATES - {_S.REPORTED}),
    "confirm_major": _keep_state(OPEN_STATES - {_S.REPORTED}),
    "request_extension": _keep_state(_UNDER_WORK),
    "decide_extension": _keep_state(_UNDER_WORK),
    "suspend": _transitions(_S.SUSPENDED, _UNDER_WORK),
    "resume": _transitions(_S.RECTIFYING, [_S.SUSPENDED]),  # or back to the state it was suspended from
    "supervise": _keep_state(OPEN_STATES),
    "unsupervise": _keep_state(OPEN_STATES),
    "transfer": _transitions(_S.TRANSFERRED, [_S.ACCEPTED, *_UNDER_WORK]),
    "transfer_reply.settled": _transitions(_S.CLOSED, [_S.TRANSFERRED]),
    "transfer_reply.returned": _transitions(_S.ACCEPTED, [_S.TRANSFERRED]),
    "attach": _keep_state(State),
    "note": _keep_state(State),
    "look_back": _keep_state([_S.CLOSED]),
    "reopen": _transitions(_S.ACCEPTED, [_S.CLOSED, _S.REJECTED, _S.DUPLICATE]),
    "evaluate": _keep_state([_S.CLOSED]),
    "cancel": _transitions(_S.CANCELLED, OPEN_STATES),
    "draw": _transitions(_S.PENDING_RECHECK, [_S.CLOSED]),
}
AUTOMATIC_STEPS = frozenset({"draw"})
"""Steps that only the server takes."""

_CONDITIONS: dict[str, Callable[[Hazard], bool]] = {
    "confirm_major": lambda hazard: hazard.major_proposed and hazard.severity is not Severity.MAJOR,
    "propose_major": lambda hazard: hazard.severity is not Severity.MAJOR,
    "request_extension": lambda hazard: hazard.extension is None and hazard.due_at is not None,
    "decide_extension": lambda hazard: hazard.extension is not None,
    "evaluate": lambda hazard: hazard.evaluation is None,
    "unsupervise": lambda hazard: hazard.supervision is not None,
}
"""The conditions of a step beyond the state of the hazard."""


_STEPS_FROM_STATE = {
    state: [
        (step, _CONDITIONS.get(step))
        for step, targets in TRANSITIONS.items()
        if state in targets and step not in AUTOMATIC_STEPS
    ]
    for state in State
}
"""The steps that people can take in a state, each with its condition, if it has one."""


def possible_steps(hazard: Hazard) -> list[str]:
    """Returns the steps that people can take on this hazard now."""
    return [step for step, holds in _STEPS_FROM_STATE[hazard.state] if holds is None or holds(hazard)]


def _meets_condition(hazard: Hazard, step: str) -> bool:
    return step not in _CONDITIONS or _CONDITIONS[step](hazard)


def check_transition(hazard: Hazard, step: str) -> State:
    """Returns the state that `step` leads to. Raises WrongState if the step is not possible now."""
    target = TRANSITIONS[step].get(hazard.state)
    if target is None or not _meets_condition(hazard, step):
        raise WrongState(hazard.state, step, possible_steps(hazard))
    return hazard.suspension.state if step == "resume" and hazard.suspension else target


def transition(hazard: Hazard, step: str, now: datetime, **facts: Any) -> Hazard:
    """Returns the hazard after `step`, with its version increased and `facts` set. Raises WrongState."""
    target = check_transition(hazard, step)
    ended = {"closed_at": now} if hazard.state in OPEN_STATES and target not in OPEN_STATES else {}
    begun = {"stage_number": hazard.stage_number + 1, "stage_from": now} if _begins_stage(hazard, step, target) else {}
    return replace(
        hazard,
        state=target,
        version=hazard.version + 1,
        updated_at=now,
        **ended,
        **begun,
        **facts,
    )


def _begins_stage(hazard: Hazard, step: str, target: State) -> bool:
    """Tells whether a new stage with its own clock begins: on a new state, or on a new assignment to accept (签收)."""
    return target is not hazard.state or step == "assign"
