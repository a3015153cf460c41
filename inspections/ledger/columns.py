"""The columns of the ledger (电子台账): their fields, and the titles that offices give them."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from inspections.errors import InvalidInput

TITLES: dict[str, tuple[str, ...]] = {
    "number": ("编号", "台账编号", "隐患编号"),
    "reported_at": ("上报时间", "上报日期", "登记时间", "登记日期", "检查时间", "检查日期", "排查日期", "日期"),
    "found_at": ("发现时间", "发现日期"),
    "community": ("社区", "村社区", "村（社区）", "所属社区", "社区名称", "网格社区"),
    "place": ("地点", "地址", "隐患地点", "具体位置", "位置", "检查地点"),
    "category": ("类别", "隐患类别", "隐患类型", "类型"),
    "severity": ("等级", "隐患等级", "隐患级别"),
    "description": ("隐患描述", "隐患内容", "存在问题", "问题描述", "主要问题", "描述"),
    "quantity": ("数量", "隐患数量"),
    "party": ("责任主体", "责任单位", "整改责任主体", "责任人", "整改责任人"),
    "phone": ("联系电话", "电话", "手机"),
    "state": ("状态", "整改情况", "是否整改", "办理状态"),
    "outcome": ("办结方式",),
    "accepted_at": ("受理时间", "受理日期"),
    "due_at": ("整改期限", "整改时限", "限期"),
    "method": ("整改措施", "措施"),
    "quantity_done": ("已整改数量", "整改数量"),
    "submitted_at": ("提交整改时间", "整改时间", "整改日期", "完成时间", "整改完成时间"),
    "closed_at": ("复查时间", "复查日期", "销号时间", "销号日期", "办结时间"),
    "rechecker": ("复查人", "复查人员", "验收人"),
}
"""The columns with a field of their own, by the titles that offices give them; the first is that of our own ledger."""

KEPT_TITLES: dict[str, tuple[str, ...]] = {
    "old_number": ("原编号",),
    "source": ("来源", "隐患来源"),
    "reporter": ("上报人", "上报人员"),
    "inspector": ("检查人", "检查人员", "排查人"),
    "acceptor": ("受理人",),
    "handler": ("责任人", "整改责任人", "整改人"),
    "overdue": ("逾期", "是否逾期"),
    "extension": ("延期",),
    "supervision": ("督办", "挂牌督办"),
    "point": ("坐标", "经纬度"),
    "vehicle_standard": ("车辆国标",),
    "unit": ("单位",),
    "recheck_note": ("复查意见", "复查情况"),
    "photos_before": ("整改前照片",),
    "photos_after": ("整改后照片",),
    "remark": ("备注", "说明"),
}
"""The other columns of the ledger. What a sheet says in them is kept with the hazard, and shown while nothing newer is
known."""

REQUIRED_FIELDS = ("reported_at", "community", "place", "category", "description")
MEASURES = frozenset({"quantity", "quantity_done"})
"""The columns whose cells are added up: a merged cell counts once, not for each line that it spans."""
_MIN_TITLES = 3
"""The number of REQUIRED_FIELDS that make a row of titles: two may stand in a heading by chance."""
_IGNORED_TITLES = ("单位", "序号")
"""The unit follows from the category, and the number of a line within its sheet from its place."""
_UNCOMPARED_TITLES = {*_IGNORED_TITLES, "整改前照片", "整改后照片"}
"""Addresses of photos are kept, but the same line may come with others."""
FIELD_BY_TITLE: Mapping[str, str] = {title: field for field, titles in TITLES.items() for title in titles}
_KEPT_FIELDS: Mapping[str, str] = {title: field for field, titles in KEPT_TITLES.items() for title in titles}
_SPACES = re.compile(r"\s+")


def normalize_title(cell: Any) -> str:
    return _SPACES.sub("", cell) if isinstance(cell, str) else ""


class OwnTitles(NamedTuple):
    """The titles that an office gave to columns (layout.py): title → field, and title → our title of a kept column."""

    fields: dict[str, str]
    kept: dict[str, str]

    def find_field(self, title: str) -> str | None:
        return self.fields.get(title) or FIELD_BY_TITLE.get(title)


NO_OWN_TITLES = OwnTitles({}, {})


def is_title_row(cells: Sequence[Any], own: OwnTitles = NO_OWN_TITLES) -> bool:
    """Tells the row of column titles from a heading above it."""
    found = {own.find_field(normalize_title(cell)) for cell in cells}
    return len(found & set(REQUIRED_FIELDS)) >= _MIN_TITLES


class SheetColumn(NamedTuple):
    """A column of a sheet. `field`: its field; None: its cells are kept under its title, or left out without one."""

    title: str
    field: str | None

    @property
    def is_aside(self) -> bool:
        """Tells whether it is no column of the ledger, and is kept with the history alone."""
        return self.field is None and self.title not in {"", *FIELD_BY_TITLE, *_KEPT_FIELDS}


def assign_columns(titles: Sequence[str], own: OwnTitles = NO_OWN_TITLES) -> list[SheetColumn]:
    """The columns of a sheet by their titles. Raises InvalidInput for missing columns, and for a column that is twice.

    Of several columns for one field, the one titled as in the office's ledger is read, else the first. The others are
    kept under their titles, and so is each of several unknown columns with one title.
    """
    fields = {title: field for title in titles if (field := own.find_field(title))}
    if missing := _missing_columns(set(fields.values())):
        raise InvalidInput(("file", f"缺少列：{'、'.join(missing)}"))
    counts = Counter(titles)
    if twice := [title for title in counts if title in fields and counts[title] > 1]:
        raise InvalidInput(("file", f"有重复的列：{'、'.join(twice)}，请改名或删去其中一列"))
    chosen: dict[str, str] = {}
    for title, field in fields.items():
        preferred = title in own.fields or title == TITLES[field][0]
        chosen[field] = title if preferred else chosen.get(field, title)
    seen: Counter[str] = Counter()
    columns: list[SheetColumn] = []
    for title in titles:
        field = fields.get(title)
        title = own.kept.get(title, title)  # noqa: PLW2901  # under our title it is found after another renaming
        seen[title] += 1
        if field is not None and chosen[field] == title:
            columns.append(SheetColumn(title, field))
        elif title in _IGNORED_TITLES:
            columns.append(SheetColumn("", None))
        else:
            columns.append(SheetColumn(title if seen[title] == 1 or not title else f"{title}（{seen[title]}）", None))
    return columns


def _missing_columns(fields: Collection[str]) -> list[str]:
    """Titles of required columns that a sheet lacks. 发现时间 may stand in for 上报时间."""
    there = {*fields, "reported_at"} if "found_at" in fields else fields
    return [TITLES[field][0] for field in REQUIRED_FIELDS if field not in there]


def has_no_field(title: str) -> bool:
    """Tells whether no field has a column of this title: its cells are kept in the history of each hazard."""
    return title not in FIELD_BY_TITLE and title not in _UNCOMPARED_TITLES


def kept_text(other: Mapping[str, Any], field: str) -> str | None:
    """The text of a sheet in a column of KEPT_TITLES, under any of its titles; None where nothing is left of it."""
    found = (other.get(title) for title in KEPT_TITLES[field])
    return next((text for text in found if isinstance(text, str) and text), None)
