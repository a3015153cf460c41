"""Runs one scenario: who does what and when, each action depending on the state of the hazard."""

import hashlib
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from msgspec.structs import replace

from api.demo.alarms import alarm_message
from api.demo.chance import seeded_random
from api.demo.office import DEPARTMENTS, staff
from api.demo.places import demo_point
from api.demo.plan import Scenario, ScenarioOutcome
from inspections.hazards.records import Hazard, State, VehicleStandard
from inspections.monitoring.alerts import CanonicalMessage
from inspections.office.categories import Priority
from inspections.photos.records import PhotoDeclaration, Stage
from inspections.remediation.steps import (
    Accept,
    Assign,
    Evaluate,
    FixedOnSpot,
    LookBack,
    Merge,
    Recheck,
    Reject,
    Report,
    Return,
    SetCause,
    Start,
    Step,
    SubmitFix,
    Verify,
)
from storage.photos.sample_images import draw_sample_photo

MARK = "【演示数据】"
_WORDS = {
    "EB": "电动自行车违规停放充电",
    "WN": "防盗窗影响逃生救援",
    "EL": "用电监测排查发现的电气隐患",
    "EV": "疏散通道、消防车通道被占用或堆物",
    "FF": "灭火器过期或消防设施损坏",
    "GS": "燃气软管老化",
    "HW": "无证动火作业",
    "MU": "合用场所违规住人",
    "OT": "其他安全隐患",
}
_METHODS = {"EB": "车辆移出并清理飞线", "WN": "拆除或加开逃生口", "EL": "电工更换线路和器具"}
_NEW_STANDARD_FROM = datetime(2025, 9, 1, tzinfo=UTC)
"""GB 17761-2024 is in force since then; no vehicle of before was built by it."""
_EVALUATED, _DEPARTMENT_SHARE = 0.35, 0.15
_SCORES, _SCORE_WEIGHTS = (5, 4, 3, 2, 1), (50, 30, 12, 5, 3)
_REPEATS = 3
"""How often a device tells of the same alarm."""
_OUTCOMES = ("removed", "removed", "altered", "escape_opening")


class ScenarioAction(NamedTuple):
    """An action of a person, or a message of a device, at an instant; `pictures` are the photos sent with it."""

    at: datetime
    username: str
    hazard: UUID
    body: Report | Step | CanonicalMessage
    pictures: tuple[bytes, ...] = ()


ScenarioRun = Generator[ScenarioAction, Hazard, None]


class ScenarioRunner:
    """Runs one scenario. `mergeable`: an earlier hazard of the same kind in the same community, if there is one."""

    def __init__(self, story: Scenario, mergeable: UUID | None) -> None:
        self._scenario = story
        self._master = mergeable
        self._chance = seeded_random(story.seed)
        self._now: datetime = story.reported
        self._inspector, self._officer = staff(story.community)
        self._kind = story.category[:2]
        more = seeded_random(f"{story.seed}/handlers")
        departments = more.random() < _DEPARTMENT_SHARE
        self._lead, *self._assisting = more.sample(DEPARTMENTS, 3) if departments else ("handler",)

    def run(self) -> ScenarioRun:
        if self._scenario.device is not None:
            yield from self._run_alarm()
            return
        hazard = yield self._report_action()
        if self._scenario.outcome is ScenarioOutcome.ON_SPOT:
            if hazard.state is not State.CLOSED:
                self._advance_clock(2, 30)
                hazard = yield self._recheck_action(hazard)
            yield from self._evaluate(hazard, self._inspector)
            return
        self._advance_clock(0.2, 3)
        match self._scenario.outcome:
            case ScenarioOutcome.REJECTED:
                yield self._step_action(hazard, self._officer, Reject, reason=f"{MARK}不属于安全隐患，转物业处理")
            case ScenarioOutcome.MERGED if self._master:
                yield self._step_action(hazard, self._officer, Merge, into=self._master)
            case ScenarioOutcome.UNFOUNDED:
                note = f"{MARK}现场核实无此情况"
                yield self._step_action(hazard, self._inspector, Verify, outcome="unfounded", note=note)
            case _:
                yield from self._accept_and_assign(hazard)

    def _run_alarm(self) -> ScenarioRun:
        """The device tells of its alarm a few times; a visit finds the cause, or nothing."""
        hazard = yield self._alarm_action(0)
        for turn in range(1, _REPEATS):
            self._now += timedelta(minutes=2)
            hazard = yield self._alarm_action(turn)
        self._advance_clock(0.3, 3)
        match self._scenario.outcome:
            case ScenarioOutcome.UNFOUNDED:
                note = f"{MARK}现场检测正常，系误报"
                yield self._step_action(hazard, self._inspector, Verify, outcome="false_alarm", note=note)
            case ScenarioOutcome.UNDER_WAY:
                yield from self._assign(hazard)
            case _:
                reason = f"{MARK}电工现场检测"
                cause: dict[str, Any] = {"category": self._scenario.category, "reason": reason}
                hazard = yield self._step_action(hazard, self._inspector, SetCause, **cause)
                yield from self._assign(hazard)

    def _alarm_action(self, turn: int) -> ScenarioAction:
        story = self._scenario
        if story.device is None:
            raise AssertionError  # only scenarios with a device have alarms
        message = alarm_message(story.device, story.category, self._now, turn)
        return ScenarioAction(self._now, story.device.id, story.id, message)

    def _evaluate(self, hazard: Hazard, username: str) -> ScenarioRun:
        """评价 of some closed hazards, a few days later."""
        chance = seeded_random(f"{self._scenario.seed}/evaluation")
        if hazard.state is not State.CLOSED or chance.random() >= _EVALUATED:
            return
        self._now += timedelta(hours=chance.uniform(20, 200))
        (score,) = chance.choices(_SCORES, _SCORE_WEIGHTS)
        yield self._step_action(hazard, username, Evaluate, score=score, words=f"{MARK}处理情况评价")

    def _accept_and_assign(self, hazard: Hazard) -> ScenarioRun:
        priority: dict[str, Any] = {"priority": Priority.NORMAL} if hazard.priority is None else {}
        hazard = yield self._step_action(hazard, self._officer, Accept, **priority)
        self._advance_clock(0.1, 1)
        yield from self._assign(hazard)

    def _assign(self, hazard: Hazard) -> ScenarioRun:
        hazard = yield self._assign_action(hazard)
        self._advance_clock(0.1, 2)
        if self._scenario.outcome is ScenarioOutcome.RETURNED:
            hazard = yield self._step_action(hazard, self._lead, Return, reason=f"{MARK}不属本单位管理范围")
            self._advance_clock(0.2, 1)
            hazard = yield self._assign_action(hazard)
            self._advance_clock(0.1, 1)
        hazard = yield self._step_action(hazard, self._lead, Start)
        if self._scenario.outcome is not ScenarioOutcome.UNDER_WAY:
            yield from self._work_on_hazard(hazard)

    def _work_on_hazard(self, hazard: Hazard) -> ScenarioRun:
        due = hazard.due_at or self._now
        match self._scenario.outcome:
            case ScenarioOutcome.SELF_RESOLVED:
                self._advance_clock(1, 20)
                note = f"{MARK}复核时已自行消除"
                yield self._step_action(hazard, self._inspector, Verify, outcome="self_resolved", note=note)
            case ScenarioOutcome.REFUSED:
                self._now = due + timedelta(hours=self._chance.uniform(9, 30))
                words = {"reason": f"{MARK}责任人拒不整改", "note": f"{MARK}断电、张贴告知书，移交联合执法，每周巡查"}
                yield self._step_action(hazard, self._officer, Recheck, result="refused", **words)
            case ScenarioOutcome.LATE:
                self._now = due + timedelta(hours=self._chance.uniform(3, 60))
                yield from self._submit_and_recheck(hazard)
            case ScenarioOutcome.REWORKED:
                yield from self._rework(hazard)
            case ScenarioOutcome.PARTIAL:
                yield from self._fix_in_parts(hazard)
            case _:
                self._approach_deadline(hazard, self._chance.uniform(0.3, 0.8))
                yield from self._submit_and_recheck(hazard)

    def _submit_and_recheck(self, hazard: Hazard) -> ScenarioRun:
        hazard = yield self._submit_action(hazard, self._scenario.quantity)
        self._advance_clock(2, 40)
        hazard = yield self._recheck_action(hazard)
        if self._scenario.outcome is ScenarioOutcome.REBOUND:
            yield from self._rebound(hazard)
        else:
            yield from self._evaluate(hazard, "supervisor" if self._scenario.device else self._inspector)

    def _rework(self, hazard: Hazard) -> ScenarioRun:
        self._approach_deadline(hazard, 0.3)
        hazard = yield self._submit_action(hazard, self._scenario.quantity)
        self._advance_clock(2, 20)
        words: dict[str, Any] = {"reason": f"{MARK}整改不彻底", "due_at": self._now + timedelta(days=3)}
        hazard = yield self._step_action(hazard, self._officer, Recheck, result="fail", **words)
        self._advance_clock(5, 60)
        yield from self._submit_and_recheck(hazard)

    def _fix_in_parts(self, hazard: Hazard) -> ScenarioRun:
        part = self._scenario.quantity // 2
        self._approach_deadline(hazard, 0.4)
        hazard = yield self._submit_action(hazard, part)
        self._advance_clock(2, 20)
        facts: dict[str, Any] = {"result": "partial", "quantity_done": part}
        hazard = yield self._step_action(hazard, self._officer, Recheck, **facts)
        self._advance_clock(5, 40)
        yield from self._submit_and_recheck(hazard)

    def _rebound(self, hazard: Hazard) -> ScenarioRun:
        """回头看 two weeks later: the hazard has come back; the new one is fixed, too."""
        self._now += timedelta(days=14, hours=self._chance.uniform(0, 5))
        picture = self._draw_picture("rebound", fixed=False)
        mentions = (_mention(picture, Stage.BEFORE),)
        hazard = yield self._step_action(
            hazard, self._inspector, LookBack, (picture,), result="rebound", photos=mentions
        )
        self._advance_clock(0.2, 2)
        again = replace(hazard, id=hazard.rebounded_as or hazard.id, version=1)
        again = yield self._step_action(again, self._officer, Accept)
        self._advance_clock(0.1, 1)
        again = yield self._assign_action(again)
        self._approach_deadline(again, 0.5)
        again = yield self._submit_action(again, self._scenario.quantity)
        self._advance_clock(2, 20)
        yield self._recheck_action(again)

    def _report_action(self) -> ScenarioAction:
        story, before = self._scenario, self._draw_picture("before", fixed=False)
        pictures = [before]
        spot = None
        if story.outcome is ScenarioOutcome.ON_SPOT:
            pictures.append(self._draw_picture("after", fixed=True))
            spot = FixedOnSpot(_METHODS.get(self._kind, "当场清理"), story.quantity)
        stages = (Stage.BEFORE, Stage.AFTER)
        report = Report(
            id=story.id,
            community=story.community,
            category=story.category,
            description=f"{MARK}{_WORDS[self._kind]}",
            place=story.place,
            found_at=story.reported - timedelta(minutes=10),
            quantity=story.quantity,
            photos=tuple(map(_mention, pictures, stages)),
            fixed_on_spot=spot,
            point=demo_point(story.community, story.seed),
            vehicle_standard=self._vehicle_standard(),
        )
        return ScenarioAction(story.reported, self._inspector, story.id, report, tuple(pictures))

    def _vehicle_standard(self) -> VehicleStandard | None:
        """By which standard a vehicle was built; None for what is no vehicle."""
        story = self._scenario
        if story.category not in {"EB-02", "EB-06"}:
            return None
        is_new = story.reported >= _NEW_STANDARD_FROM and seeded_random(f"{story.seed}/vehicle").random() < 1 / 3
        return "new" if is_new else "old"

    def _assign_action(self, hazard: Hazard) -> ScenarioAction:
        return self._step_action(hazard, self._officer, Assign, lead=self._lead, assisting=tuple(self._assisting))

    def _submit_action(self, hazard: Hazard, quantity: int) -> ScenarioAction:
        picture = self._draw_picture(f"after {hazard.version}", fixed=True)
        facts: dict[str, Any] = {
            "method": _METHODS.get(self._kind, "清理、更换"),
            "quantity_done": quantity,
            "outcome": self._chance.choice(_OUTCOMES) if self._kind == "WN" else None,
            "photos": (_mention(picture, Stage.AFTER),),
        }
        return self._step_action(hazard, self._lead, SubmitFix, (picture,), **facts)

    def _recheck_action(self, hazard: Hazard) -> ScenarioAction:
        return self._step_action(hazard, self._officer, Recheck, result="pass", note=f"{MARK}已整改")

    def _step_action(
        self, hazard: Hazard, username: str, kind: Any, pictures: Any = (), **facts: Any
    ) -> ScenarioAction:
        step = kind(id=uuid5(hazard.id, f"step {hazard.version}"), version=hazard.version, **facts)
        return ScenarioAction(self._now, username, hazard.id, step, pictures)

    def _draw_picture(self, which: str, *, fixed: bool) -> bytes:
        return draw_sample_photo(f"{self._scenario.seed}/{which}", self._scenario.category, self._now, fixed=fixed)

    def _approach_deadline(self, hazard: Hazard, share: float) -> None:
        """Lets a share of the time until the hazard's deadline pass."""
        if hazard.due_at:
            self._now += (hazard.due_at - self._now) * share

    def _advance_clock(self, least: float, most: float) -> None:
        self._now += timedelta(hours=self._chance.uniform(least, most))


def _mention(picture: bytes, stage: Stage) -> PhotoDeclaration:
    return PhotoDeclaration(hashlib.sha256(picture).hexdigest(), stage)
