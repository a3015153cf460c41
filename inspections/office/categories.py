"""The catalogue of hazard categories and the policy of each (priority, deadline, unit), which an office may edit."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace


class Severity(StrEnum):
    GENERAL = "general"
    MAJOR = "major"


class Priority(StrEnum):
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TimeUnit(StrEnum):
    MINUTES = "min"
    HOURS = "h"
    WORKING_HOURS = "wh"
    WORKING_DAYS = "wd"
    CALENDAR_DAYS = "d"


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """A length of time in a policy, such as 24 h, 4 working hours, 15 working days or 7 calendar days."""

    amount: Annotated[int, Meta(ge=1, le=10_000)]
    unit: TimeUnit


class RemainingTime(Struct, frozen=True, omit_defaults=True):
    """The time on a clock: a whole term, or what was left of one when its clock was stopped.

    `amount` is in the unit of the term, rounded up, or in minutes if the deadline was set by hand. `seconds`: exactly
    what was left, of office hours for working hours and days; None for a whole term, and for a clock stopped before
    seconds were kept.
    """

    amount: int
    unit: TimeUnit
    seconds: int | None = None


class Category(Struct, frozen=True):
    """A category of hazards. `priority` None: set on acceptance. `advisory`: persuasion (动员), never overdue.

    `from_device`: an alert check (预警核查单), opened by a device only. `proposes_major`: acceptance proposes `major`.
    `major_term`: the term of a confirmed major hazard; None: the same as `term`. `look_back_days`: a follow-up visit
    (回头看) is planned this many days after closing as fixed; None: not automatically.
    """

    code: str
    name: str
    group: str
    priority: Priority | None
    term: Term
    unit: str
    advisory: bool = False
    from_device: bool = False
    proposes_major: bool = False
    major_term: Term | None = None
    look_back_days: int | None = None


def _term(words: str) -> Term:
    amount, unit = words.split()
    return Term(int(amount), TimeUnit(unit))


_EBIKE, _WINDOW, _POWER = "电动车充电", "防盗窗拆除", "用电监测"
_N, _H, _U = Priority.NORMAL, Priority.HIGH, Priority.URGENT

_CATALOGUE = (
    Category("EB-01", "公共门厅、疏散走道、楼梯间、安全出口停放充电", _EBIKE, _U, _term("24 h"), "处"),
    Category("EB-02", "进楼入户（车辆或电池）", _EBIKE, _U, _term("24 h"), "辆"),
    Category("EB-03", "飞线充电、私拉电线", _EBIKE, _U, _term("24 h"), "处"),
    Category("EB-04", "架空层停放充电不具备条件（无分隔、无器材、未分组）", _EBIKE, _H, _term("15 wd"), "处"),
    Category("EB-05", "集中充电设施故障或缺自动断电", _EBIKE, _N, _term("5 wd"), "个"),
    Category("EB-06", "非法改装车辆、电池", _EBIKE, _H, _term("3 wd"), "辆"),
    Category("WN-01", "人员密集场所外窗防盗窗（网）影响逃生救援", _WINDOW, _H, _term("7 d"), "处"),
    Category("WN-02", "居住出租房防盗窗无逃生口", _WINDOW, _H, _term("10 wd"), "处"),
    Category("WN-03", "居民住宅全封闭防盗窗（动员）", _WINDOW, _N, _term("30 wd"), "处", advisory=True),
    Category("WN-04", "广告牌、铁栅栏遮挡外窗", _WINDOW, _H, _term("7 d"), "处"),
    Category("EL-01", "零地线混接", _POWER, _H, _term("3 wd"), "处"),
    Category("EL-02", "电器老化漏电", _POWER, _H, _term("3 wd"), "处"),
    Category("EL-03", "浴霸碰线、局部过热自燃", _POWER, _U, _term("24 h"), "处"),
    Category("EL-04", "线路老化、绝缘破损、私拉乱接", _POWER, _N, _term("5 wd"), "处"),
    Category("EL-05", "剩余电流预警核查", _POWER, _H, _term("24 h"), "个", from_device=True),
    Category("EL-06", "线缆温度预警核查", _POWER, _U, _term("4 h"), "个", from_device=True),
    Category("EL-07", "故障电弧预警核查", _POWER, _U, _term("4 h"), "个", from_device=True),
    Category("EV-01", "占用、堵塞疏散通道、安全出口", "生命通道", _U, _term("4 h"), "处"),
    Category("EV-02", "占用消防车通道", "生命通道", _U, _term("4 h"), "处"),
    Category("EV-03", "楼道堆物", "生命通道", _N, _term("3 wd"), "处"),
    Category("FF-01", "消防设施器材缺失、损坏", "消防设施", _H, _term("5 wd"), "处"),
    Category("MU-01", "“三合一”、合用场所违规住人", "违规住人", _U, _term("24 h"), "处", proposes_major=True),
    Category("GS-01", "燃气软管、报警器、瓶装气隐患", "燃气", _H, _term("3 wd"), "处"),
    Category("HW-01", "违规动火作业、无证电焊", "动火作业", _U, _term("4 h"), "处"),
    Category("OT-99", "其他", "其他", None, _term("5 wd"), "处"),
)
_LOOK_BACK = {"EB": 30, "EV": 30, "WN": 90}
CATALOGUE = tuple(replace(each, look_back_days=_LOOK_BACK.get(each.code[:2])) for each in _CATALOGUE)
"""The defaults of a new office; deadlines are proposals, not law."""
