"""Composes the paragraph that is read aloud: the figures of a period, worded as in an office's 通报 and yearly report.

Each figure is counted as in metrics.py and stands beside the figure it is compared with; only rates are rounded.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from inspections.calendar import SHANGHAI
from inspections.hazards.measures import SATISFIED_SCORE
from inspections.periods import Period, relative_change

Numbers = Mapping[str, Any]

_NAMESPACE = uuid.UUID("7c9e7d2a-3d53-5a0e-9a3b-0b8f6f0c1d5e")
_MAX_COMMUNITIES = 3
_WORKS = {
    "电动车充电": "整治电动车违规停放充电",
    "防盗窗拆除": "拆除、改造防盗窗（网）",
    "用电监测": "消除用电隐患",
    "生命通道": "畅通生命通道",
    "消防设施": "修复消防设施",
    "违规住人": "清退违规住人",
    "燃气": "消除燃气隐患",
    "动火作业": "制止违规动火",
}
"""Group of categories → what a yearly report calls the work on it."""


class Briefing(Struct, frozen=True):
    """A stored snapshot of a briefing; `content` is the response as it was sent.

    `communities`: those it counts; only people who may see all of them may read it.
    """

    id: uuid.UUID
    made_at: datetime
    made_by: str
    first: date
    last: date
    communities: tuple[str, ...]
    content: dict[str, Any]


class BriefingInput(NamedTuple):
    """The input of a briefing: the numbers of a period, of the period before and of the same period a year before.

    The numbers are those of metrics.COUNT_NAMES; `row` also has the rates. `groups` and `communities`: by name, in the
    order of the catalogue and of the codes.
    """

    place: str
    period: Period
    as_of: datetime
    row: Numbers
    before: Numbers
    year_before: Numbers
    groups: Mapping[str, Numbers]
    communities: Mapping[str, Numbers]


def snapshot_id(*figures: Any) -> uuid.UUID:
    """The UUID of these figures: the same figures have the same id, whoever asks and however often."""
    return uuid.uuid5(_NAMESPACE, msgspec.json.encode(figures, order="sorted").hex())


def briefing_title(period: Period) -> str:
    return f"{_format_days(period)}安全隐患排查整治情况"


def write_paragraph(figures: BriefingInput) -> str:
    return "".join(
        [
            _reported_sentence(figures),
            _fixed_sentence(figures),
            _evaluation_sentence(figures),
            _open_sentence(figures),
            _comparison_sentence(figures),
            _groups_sentence(figures),
            _overdue_sentence(figures),
        ]
    )


def yearly_report_text(figures: BriefingInput) -> str:
    """The sentences of the yearly report; empty for a period that is not a whole calendar year."""
    first, last = figures.period
    if (first.month, first.day, last.month, last.day) != (1, 1, 12, 31) or first.year != last.year:
        return ""
    works = [
        f"{words}{numbers['quantity_done']}处"
        for name, words in _WORKS.items()
        if (numbers := figures.groups.get(name)) and numbers["quantity_done"]
    ]
    row = figures.row
    totals = (
        f"{first.year}年，{figures.place}共排查发现安全隐患{row['quantity_found']}处，完成整改{row['quantity_done']}处"
    )
    return f"{totals}{_rate_phrase('，整改率', row['fix_rate'])}。" + (f"其中{'，'.join(works)}。" if works else "")


def _reported_sentence(figures: BriefingInput) -> str:
    row = figures.row
    opening = f"{_format_days(figures.period)}，{figures.place}{len(figures.communities)}个社区"
    opening += f"共上报安全隐患{row['received']}件"
    merged = f"，其中重复上报{row['duplicate']}件" if row["duplicate"] else ""
    return f"{opening}{merged}；受理{row['accepted']}件{_rate_phrase('，受理率', row['acceptance_rate'])}。"


def _fixed_sentence(figures: BriefingInput) -> str:
    row = figures.row
    cohort = f"期间受理的隐患{row['cohort_accepted']}件，涉及{row['quantity_found']}处（辆、个）"
    done = f"已整改{row['quantity_done']}处（辆、个）{_rate_phrase('，整改率', row['fix_rate'])}"
    ended = f"已销号{row['cohort_closed']}件{_rate_phrase('，办结率', row['completion_rate'])}"
    spot = f"，即查即改{row['fixed_on_spot']}件" if row["fixed_on_spot"] else ""
    due = (
        f"；到期应整改{row['due_decided']}件{_rate_phrase('，按期办结率', row['on_time_rate'])}"
        if row["due_decided"]
        else ""
    )
    return f"{cohort}，{done}；{ended}{spot}{due}。"


def _evaluation_sentence(figures: BriefingInput) -> str:
    """The sentence on the evaluations (评价) of the hazards closed in the period; empty without any."""
    row = figures.row
    if not row["evaluated"]:
        return ""
    mean = _format_number(round(row["mean_score"], 2))
    satisfied = f"满意（{SATISFIED_SCORE}分及以上）{row['satisfied']}件"
    rate = _rate_phrase("，满意率", row["satisfaction_rate"])
    return f"期间销号的隐患收到评价{row['evaluated']}件，平均{mean}分，{satisfied}{rate}。"


def _open_sentence(figures: BriefingInput) -> str:
    row, as_of = figures.row, figures.as_of.astimezone(SHANGHAI)
    moment = f"截至{as_of.year}年{as_of.month}月{as_of.day}日{as_of.hour}时{as_of.minute}分"
    if not row["open"]:
        return f"{moment}，上述上报的隐患已全部办结。"
    named = (("待受理", "waiting"), ("整改期限内", "on_time"), ("逾期", "overdue"), ("暂缓", "suspended"))
    named += (("待复查", "pending_recheck"), ("移交中", "transferred"))
    parts = "、".join(f"{words}{row[name]}件" for words, name in named if row[name])
    return f"{moment}，尚有{row['open']}件未办结，其中{parts}。"


def _comparison_sentence(figures: BriefingInput) -> str:
    now = figures.row["received"]
    changes = [
        f"{words}{_change_phrase(now, then['received'])}"
        for words, then in (("环比", figures.before), ("同比", figures.year_before))
    ]
    return f"上报件数{'，'.join(changes)}。"


def _change_phrase(now: int, then: int) -> str:
    _, delta, percent = relative_change(now, then)
    if percent is None:
        return "无可比数据" if now else "持平"
    return "持平" if not delta else f"{'上升' if delta > 0 else '下降'}{_format_number(abs(percent))}%"


def _groups_sentence(figures: BriefingInput) -> str:
    groups = [f"{name}{numbers['received']}件" for name, numbers in figures.groups.items() if numbers["received"]]
    return f"从类别看，{'、'.join(groups)}。" if groups else ""


def _overdue_sentence(figures: BriefingInput) -> str:
    """The sentence that names the communities with the most overdue hazards; people are never compared."""
    late: Sequence[tuple[str, int]] = sorted(
        ((name, numbers["overdue"]) for name, numbers in figures.communities.items() if numbers["overdue"]),
        key=lambda each: -each[1],
    )
    communities = "、".join(f"{name}{number}件" for name, number in late[:_MAX_COMMUNITIES])
    return f"逾期未整改较多的社区：{communities}。" if communities else ""


def _rate_phrase(words: str, rate: float | None) -> str:
    return "" if rate is None else f"{words}{_format_number(round(rate * 100, 2))}%"


def _format_number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _format_days(period: Period) -> str:
    first, last = period
    begins = f"{first.year}年{first.month}月{first.day}日"
    if first == last:
        return begins
    same = f"{last.year}年" if last.year != first.year else ""
    return f"{begins}至{same}{last.month}月{last.day}日"
