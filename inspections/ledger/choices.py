"""The words from which a cell of the old spreadsheet may choose: communities, categories, states and outcomes."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from inspections.hazards.records import State, VehicleStandard
from inspections.notices.templates import OUTCOMES, SEVERITIES, STATES
from inspections.office.categories import Category, Severity
from inspections.places.communities import Community
from inspections.text import name_key

STATE_WORDS = {
    **{words: state for state, words in STATES.items()},
    **dict.fromkeys(("已整改", "整改完成", "已完成", "已办结", "办结", "是", "完成"), State.CLOSED),
    **dict.fromkeys(("未整改", "整改中", "未完成", "否", "进行中", "待整改"), State.ACCEPTED),
}
OUTCOME_WORDS = {words: outcome for outcome, words in OUTCOMES.items()}
SEVERITY_WORDS = {
    **{words: severity for severity, words in SEVERITIES.items()},
    "一般": Severity.GENERAL,
    "重大": Severity.MAJOR,
}
SOURCE_WORDS = {
    "inspector": "巡查上报",
    "officer": "安全专管员上报",
    "device": "监测设备",
    "look_back": "回头看",
    "ledger": "旧台账导入",
}
STANDARD_WORDS: dict[str, VehicleStandard] = {"旧国标": "old", "新国标": "new"}
LEVEL_WORDS = {"subdistrict": "街道督办", "district": "区级督办", "city": "市级督办", "province": "省级督办"}
_COMMITTEE = re.compile(r"(居民委员会|村民委员会|居委会|村委会)\Z")
_KIND = re.compile(r"(社区|村)\Z")


class NameIndex(NamedTuple):
    """Name → code and code → code, of communities and of categories. Names are in their composed form (name_key)."""

    communities: dict[str, str]
    categories: dict[str, str]


def build_name_index(communities: Iterable[Community], categories: Iterable[Category]) -> NameIndex:
    """Indexes communities by code, name and short forms: 电子社区居委会 is also 电子社区 and 电子, if no other is.

    Categories that only devices open are left out.
    """
    called: dict[str, set[str]] = {}
    for each in communities:
        plain = _COMMITTEE.sub("", each.name)
        for name in {each.code, each.name, plain, _KIND.sub("", plain)} - {""}:
            called.setdefault(name_key(name), set()).add(each.code)
    open_to_people = [each for each in categories if not each.from_device]
    kinds = {name_key(name): each.code for each in open_to_people for name in (each.name, each.code)}
    return NameIndex({name: min(codes) for name, codes in called.items() if len(codes) == 1}, kinds)
