"""Runs one scenario: who does what and when, each action depending on the state of the hazard."""

import hashlib
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from msgspec.structs import replace

from api.demo.chance import random_of
from api.demo.office import staff
from api.demo.plan import Fate, Story
from inspections.hazards.records import Hazard, State
from inspections.office.categories import Priority
from inspections.photos.records import PhotoMention, Stage
from inspections.remediation.steps import (
    Accept,
    Assign,
    FixedOnSpot,
    LookBack,
    Merge,
    Recheck,
    Reject,
    Report,
    Return,
    Start,
    Step,
    SubmitFix,
    Verify,
)
from storage.photos.sample_images import draw

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
_OUTCOMES = ("removed", "removed", "altered", "escape_opening")


class Deed(NamedTuple):
    """An action of a person at an instant; `pictures` are the photos sent with it."""

    at: datetime
    username: str
    hazard: UUID
    body: Report | Step
    pictures: tuple[bytes, ...] = ()


Telling = Generator[Deed, Hazard, None]


class Teller:
    """Runs one scenario. `mergeable`: an earlier hazard of the same kind in the same community, if there is one."""

    def __init__(self, story: Story, mergeable: UUID | None) -> None:
        self._story = story
        self._master = mergeable
        self._chance = random_of(story.seed)
        self._now: datetime = story.reported
        self._inspector, self._officer = staff(story.community)
        self._kind = story.category[:2]

    def tell(self) -> Telling:
        hazard = yield self._report()
        if self._story.fate is Fate.ON_SPOT:
            if hazard.state is not State.CLOSED:
                self._pass(2, 30)
                yield self._pass_recheck(hazard)
            return
        self._pass(0.2, 3)
        match self._story.fate:
            case Fate.REJECTED:
                yield self._step(hazard, self._officer, Reject, reason=f"{MARK}不属于安全隐患，转物业处理")
            case Fate.MERGED if self._master:
                yield self._step(hazard, self._officer, Merge, into=self._master)
            case Fate.UNFOUNDED:
                note = f"{MARK}现场核实无此情况"
                yield self._step(hazard, self._inspector, Verify, outcome="unfounded", note=note)
            case _:
                yield from self._accepted(hazard)

    def _accepted(self, hazard: Hazard) -> Telling:
        priority: dict[str, Any] = {"priority": Priority.NORMAL} if hazard.priority is None else {}
        hazard = yield self._step(hazard, self._officer, Accept, **priority)
        self._pass(0.1, 1)
        hazard = yield self._step(hazard, self._officer, Assign, lead="handler")
        self._pass(0.1, 2)
        if self._story.fate is Fate.RETURNED:
            hazard = yield self._step(hazard, "handler", Return, reason=f"{MARK}不属本单位管理范围")
            self._pass(0.2, 1)
            hazard = yield self._step(hazard, self._officer, Assign, lead="handler")
            self._pass(0.1, 1)
        hazard = yield self._step(hazard, "handler", Start)
        yield from self._worked_on(hazard)

    def _worked_on(self, hazard: Hazard) -> Telling:
        due = hazard.due_at or self._now
        match self._story.fate:
            case Fate.SELF_RESOLVED:
                self._pass(1, 20)
                note = f"{MARK}复核时已自行消除"
                yield self._step(hazard, self._inspector, Verify, outcome="self_resolved", note=note)
            case Fate.REFUSED:
                self._now = due + timedelta(hours=self._chance.uniform(9, 30))
                words = {"reason": f"{MARK}责任人拒不整改", "note": f"{MARK}断电、张贴告知书，移交联合执法，每周巡查"}
                yield self._step(hazard, self._officer, Recheck, result="refused", **words)
            case Fate.LATE:
                self._now = due + timedelta(hours=self._chance.uniform(3, 60))
                yield from self._fixed(hazard)
            case Fate.REWORKED:
                yield from self._reworked(hazard)
            case Fate.PARTIAL:
                yield from self._in_parts(hazard)
            case _:
                self._approach(hazard, self._chance.uniform(0.3, 0.8))
                yield from self._fixed(hazard)

    def _fixed(self, hazard: Hazard) -> Telling:
        hazard = yield self._submit(hazard, self._story.quantity)
        self._pass(2, 40)
        hazard = yield self._pass_recheck(hazard)
        if self._story.fate is Fate.REBOUND:
            yield from self._rebound(hazard)

    def _reworked(self, hazard: Hazard) -> Telling:
        self._approach(hazard, 0.3)
        hazard = yield self._submit(hazard, self._story.quantity)
        self._pass(2, 20)
        words: dict[str, Any] = {"reason": f"{MARK}整改不彻底", "due_at": self._now + timedelta(days=3)}
        hazard = yield self._step(hazard, self._officer, Recheck, result="fail", **words)
        self._pass(5, 60)
        yield from self._fixed(hazard)

    def _in_parts(self, hazard: Hazard) -> Telling:
        part = self._story.quantity // 2
        self._approach(hazard, 0.4)
        hazard = yield self._submit(hazard, part)
        self._pass(2, 20)
        facts: dict[str, Any] = {"result": "partial", "quantity_done": part}
        hazard = yield self._step(hazard, self._officer, Recheck, **facts)
        self._pass(5, 40)
        yield from self._fixed(hazard)

    def _rebound(self, hazard: Hazard) -> Telling:
        """回头看 two weeks later: the hazard has come back; the new one is fixed, too."""
        self._now += timedelta(days=14, hours=self._chance.uniform(0, 5))
        picture = self._draw("rebound", fixed=False)
        mentions = (_mention(picture, Stage.BEFORE),)
        hazard = yield self._step(hazard, self._inspector, LookBack, (picture,), result="rebound", photos=mentions)
        self._pass(0.2, 2)
        again = replace(hazard, id=hazard.rebounded_as or hazard.id, version=1)
        again = yield self._step(again, self._officer, Accept)
        self._pass(0.1, 1)
        again = yield self._step(again, self._officer, Assign, lead="handler")
        self._approach(again, 0.5)
        again = yield self._submit(again, self._story.quantity)
        self._pass(2, 20)
        yield self._pass_recheck(again)

    def _report(self) -> Deed:
        story, before = self._story, self._draw("before", fixed=False)
        pictures = [before]
        spot = None
        if story.fate is Fate.ON_SPOT:
            pictures.append(self._draw("after", fixed=True))
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
        )
        return Deed(story.reported, self._inspector, story.id, report, tuple(pictures))

    def _submit(self, hazard: Hazard, quantity: int) -> Deed:
        picture = self._draw(f"after {hazard.version}", fixed=True)
        facts: dict[str, Any] = {
            "method": _METHODS.get(self._kind, "清理、更换"),
            "quantity_done": quantity,
            "outcome": self._chance.choice(_OUTCOMES) if self._kind == "WN" else None,
            "photos": (_mention(picture, Stage.AFTER),),
        }
        return self._step(hazard, "handler", SubmitFix, (picture,), **facts)

    def _pass_recheck(self, hazard: Hazard) -> Deed:
        return self._step(hazard, self._officer, Recheck, result="pass", note=f"{MARK}已整改")

    def _step(self, hazard: Hazard, username: str, kind: Any, pictures: Any = (), **facts: Any) -> Deed:
        step = kind(id=uuid5(hazard.id, f"step {hazard.version}"), version=hazard.version, **facts)
        return Deed(self._now, username, hazard.id, step, pictures)

    def _draw(self, which: str, *, fixed: bool) -> bytes:
        return draw(f"{self._story.seed}/{which}", self._story.category, self._now, fixed=fixed)

    def _approach(self, hazard: Hazard, share: float) -> None:
        """Lets a share of the time until the hazard's deadline pass."""
        if hazard.due_at:
            self._now += (hazard.due_at - self._now) * share

    def _pass(self, least: float, most: float) -> None:
        self._now += timedelta(hours=self._chance.uniform(least, most))


def _mention(picture: bytes, stage: Stage) -> PhotoMention:
    return PhotoMention(hashlib.sha256(picture).hexdigest(), stage)
