"""The definitions of all numbers. Every rate states its denominator (口径); a rate is null where its denominator is 0.

A row counts the hazards that were **received** in the period (by `reported_at`, cut at Asia/Shanghai), by their state
now, so that per community and in total, for every period:

    received = open + closed + rejected + duplicate + cancelled
    open     = waiting + on_time + overdue + suspended + pending_recheck + transferred

The quantities and the completion rate follow the cohort **accepted** in the period (by `accepted_at`); the rates of
met deadlines follow the hazards whose deadline fell in it; evaluations (评价) follow the hazards closed in it.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from operator import add, sub
from typing import Any, NamedTuple

from msgspec import Struct

from inspections.hazards.measures import MEASURES


class MetricDefinition(NamedTuple):
    """The Chinese title of a number, and what it counts (口径)."""

    title: str
    meaning: str


_COUNTS: dict[str, MetricDefinition] = {
    "received": MetricDefinition("上报", "期间内上报的隐患数（以系统收到时间计）"),
    "accepted": MetricDefinition("受理", "期间内上报的隐患中已受理的件数，不含后来并案的"),
    "rejected": MetricDefinition("不予受理", "期间内上报、不予受理的件数"),
    "duplicate": MetricDefinition("重复并案", "期间内上报、重复并案的件数"),
    "cancelled": MetricDefinition("作废", "期间内上报、作废的件数"),
    "closed": MetricDefinition("销号", "期间内上报、已销号的件数（含不属实、误报、自行消除、拒改管控、移交办结）"),
    "fixed": MetricDefinition("已整改", "期间内上报、以“已整改”销号的件数"),
    "false_alarm": MetricDefinition("误报", "期间内上报、以“误报”销号的件数"),
    "rebounded": MetricDefinition("反弹", "其中销号后回头看发现反弹的件数（反弹另立新案）"),
    "open": MetricDefinition(
        "未办结", "期间内上报、尚未办结的件数 = 待受理 + 整改期限内 + 逾期 + 暂缓 + 待复查 + 移交中"
    ),
    "waiting": MetricDefinition("待受理", "其中待受理的件数"),
    "on_time": MetricDefinition("整改期限内", "其中已受理、整改期限未到的件数（动员类不计逾期）"),
    "overdue": MetricDefinition("逾期", "其中已受理、超过整改期限仍未提交整改的件数"),
    "suspended": MetricDefinition("暂缓", "其中暂缓整改的件数"),
    "pending_recheck": MetricDefinition("待复查", "其中待复查的件数"),
    "transferred": MetricDefinition("移交中", "其中移交、等待对方答复的件数"),
    "old_standard": MetricDefinition("旧国标车辆", "期间内上报、登记车辆为旧国标（GB 17761—2024 之前）的件数"),
    "new_standard": MetricDefinition("新国标车辆", "期间内上报、登记车辆为新国标（GB 17761—2024）的件数"),
    "quantity_found": MetricDefinition("发现数量", "期间内受理隐患的数量之和（处、辆、个），不含并案"),
    "quantity_done": MetricDefinition("整改数量", "上述隐患经复查确认已整改的数量之和"),
    "cohort_accepted": MetricDefinition("期内受理", "期间内受理的隐患件数，不含并案"),
    "cohort_closed": MetricDefinition("期内受理已销号", "上述隐患中已销号的件数"),
    "fixed_on_spot": MetricDefinition("即查即改", "上述隐患中即查即改的件数"),
    "returned": MetricDefinition("退单", "上述隐患中被退过单的件数"),
    "reworked": MetricDefinition("返工", "上述隐患中复查不通过过的件数"),
    "extended": MetricDefinition("延期", "上述隐患中延过期的件数"),
    "closed_then": MetricDefinition("期内销号", "期间内销号的件数，不论何时上报（流量）"),
    "fixed_then": MetricDefinition("期内整改", "其中以“已整改”销号的件数（流量）"),
    "evaluated": MetricDefinition("已评价", "期间内销号的案件中已评价的件数；每件评价一次，重新打开的案件不计"),
    "satisfied": MetricDefinition("满意", "其中评分 4 分及以上的件数（满分 5 分）"),
    "score_total": MetricDefinition("评分合计", "上述评价的评分之和"),
    "due_decided": MetricDefinition(
        "期限已见分晓", "整改期限（含批准的延期）落在期间内，且已整改或拒改销号、或已逾期未改的件数；动员类不计"
    ),
    "due_met": MetricDefinition("按期整改", "其中在期限内提交整改并经复查通过的件数"),
    "first_due_decided": MetricDefinition(
        "原期限已见分晓", "延期之前的原期限落在期间内，且已整改或拒改销号、或已过原期限未改的件数；动员类不计"
    ),
    "first_due_met": MetricDefinition("按原期限整改", "其中在原期限内提交整改并经复查通过的件数"),
}


class Rate(NamedTuple):
    """A quotient of two counts, between 0 and 1 but for the mean score.

    `numerator` ÷ `denominator`, or ÷ (`denominator` − `less`) where `less` is set.
    """

    title: str
    numerator: str
    denominator: str
    less: str | None = None

    @property
    def meaning(self) -> str:
        above, below = _COUNTS[self.numerator].title, _COUNTS[self.denominator].title
        if self.less:
            below = f"（{below} − {_COUNTS[self.less].title}）"
        return f"{self.title} = {above} ÷ {below}"


RATES: dict[str, Rate] = {
    "acceptance_rate": Rate("受理率", "accepted", "received", less="duplicate"),
    "completion_rate": Rate("办结率", "cohort_closed", "cohort_accepted"),
    "fix_rate": Rate("整改率", "quantity_done", "quantity_found"),
    "on_time_rate": Rate("按期办结率", "due_met", "due_decided"),
    "first_on_time_rate": Rate("原期限按期办结率", "first_due_met", "first_due_decided"),
    "on_spot_rate": Rate("现场整改率", "fixed_on_spot", "cohort_accepted"),
    "rework_rate": Rate("返工率", "reworked", "cohort_accepted"),
    "return_rate": Rate("退单率", "returned", "cohort_accepted"),
    "extension_rate": Rate("延期率", "extended", "cohort_accepted"),
    "rebound_rate": Rate("反弹率", "rebounded", "fixed"),
    "false_alarm_rate": Rate("误报率", "false_alarm", "closed"),
    "duplicate_rate": Rate("重复上报率", "duplicate", "received"),
    "evaluation_rate": Rate("参评率", "evaluated", "closed_then"),
    "satisfaction_rate": Rate("满意率", "satisfied", "evaluated"),
    "mean_score": Rate("平均评分", "score_total", "evaluated"),
}

METRICS: dict[str, MetricDefinition] = _COUNTS | {
    name: MetricDefinition(rate.title, rate.meaning) for name, rate in RATES.items()
}
DEFINITIONS: dict[str, str] = {name: metric.meaning for name, metric in METRICS.items()}
COUNT_NAMES = tuple(_COUNTS)
"""The counts of a row, in the order in which people read them."""

CLOCK_TITLES: dict[str, str] = {
    "accept": "受理",
    "start": "签收",
    "fix": "整改",
    "recheck": "复查",
    "review": "暂缓到期复核",
    "reply": "移交答复",
}
CLOCK_DEFINITIONS: dict[str, str] = {
    "accept": "待受理的隐患，以受理期限计",
    "start": "已派单、未签收的隐患，以签收期限计",
    "fix": "已受理、尚未提交整改的隐患，以整改期限（含批准的延期）计；动员类不计",
    "recheck": "待复查的隐患，以复查期限计",
    "review": "暂缓整改的隐患，以复核日期计",
    "reply": "移交中的隐患，以答复期限计",
}
"""The meaning of each clock of deadlines.CLOCKS. Overdue hazards are split at 1, 3 and 7 days past the deadline."""


class ClockCounts(Struct, frozen=True):
    """The number of hazards that one clock runs for. `extended`: those whose deadline was extended, on time or not."""

    on_time: int = 0
    overdue: int = 0
    overdue_1d: int = 0
    overdue_3d: int = 0
    overdue_7d: int = 0
    overdue_more: int = 0
    extended: int = 0


OPEN_PARTS = ("waiting", "on_time", "overdue", "suspended", "pending_recheck", "transferred")
"""The counts whose sum is `open`."""

FLOW_DEFINITIONS: dict[str, str] = {
    "received": "该时段内上报的隐患数（以系统收到时间计）",
    "accepted": "该时段内受理的件数，不论何时上报，不含并案",
    "closed": "该时段内销号的件数，不论何时上报",
    "fixed": "其中以“已整改”销号的件数",
}
"""The events in a stretch of time, whenever the hazards were reported: there is no cohort, so there are no rates."""


class Flow(Struct, frozen=True):
    """Numbers of events in a stretch of time; see FLOW_DEFINITIONS."""

    received: int = 0
    accepted: int = 0
    closed: int = 0
    fixed: int = 0

    def __add__(self, other: "Flow") -> "Flow":
        return Flow(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class OverdueCounts(NamedTuple):
    """Counts that change by time alone, without a step: open hazards past a deadline.

    `overdue`: of those reported in the period; `due_overdue`: of those due in it; `first_due_overdue`: past the first
    deadline, which fell in it.
    """

    overdue: int = 0
    due_overdue: int = 0
    first_due_overdue: int = 0


class Counts(Struct, frozen=True):
    """The counts of one community or of several: `measures` in the order of measures.MEASURES, and the overdue ones."""

    measures: tuple[int, ...] = (0,) * len(MEASURES)
    overdue: OverdueCounts = OverdueCounts()

    def __add__(self, other: "Counts") -> "Counts":
        return sum_counts((self, other))

    def numbers(self) -> dict[str, int]:
        """The counts by name, in the order of COUNT_NAMES."""
        columns = _count_columns([self])
        return {name: columns[name][0] for name in COUNT_NAMES}

    def row(self, names: Container[str] = METRICS) -> dict[str, int | float | None]:
        """The chosen METRICS by name; every rate also has its numerator and denominator."""
        return {name: column[0] for name, column in metric_columns([self], names).items()}


def metric_columns(
    counts: Sequence[Counts], names: Container[str] = METRICS
) -> dict[str, Sequence[int | float | None]]:
    """Returns one row per item of `counts`, as columns, since a page has 600 rows of 66 numbers."""
    counted = _count_columns(counts)
    columns: dict[str, Sequence[int | float | None]] = {name: counted[name] for name in COUNT_NAMES if name in names}
    for name in (name for name in RATES if name in names):
        rate = RATES[name]
        above, below = counted[rate.numerator], counted[rate.denominator]
        if rate.less:
            below = [*map(sub, below, counted[rate.less])]
        # Six digits. round(…, 6) is slow: it formats the number as text.
        columns[name] = [
            round(_MILLION * part / whole) / _MILLION if whole else None
            for part, whole in zip(above, below, strict=True)
        ]
        columns[f"{name}_numerator"], columns[f"{name}_denominator"] = above, below
    return columns


def _count_columns(counts: Sequence[Counts]) -> dict[str, Sequence[int]]:
    """The measures of all `counts`, and the counts derived from them. Overdue hazards are part of `fixing`."""
    if not counts:
        return dict.fromkeys((*MEASURES, *COUNT_NAMES), ())
    measured = zip(*(each.measures for each in counts), strict=True)
    columns: dict[str, Sequence[int]] = dict(zip(MEASURES, measured, strict=True))
    overdue, due_overdue, first_due_overdue = zip(*(each.overdue for each in counts), strict=True)
    columns["overdue"] = overdue
    columns["on_time"] = [*map(sub, columns["fixing"], overdue)]
    columns["open"] = [*map(sum, zip(*(columns[name] for name in OPEN_PARTS), strict=True))]
    columns["due_decided"] = [*map(add, columns["due_ended"], due_overdue)]
    columns["first_due_decided"] = [*map(add, columns["first_due_ended"], first_due_overdue)]
    return columns


def sum_counts(counts: Iterable[Counts]) -> Counts:
    """The sum over several communities or categories; zeros for none."""
    all_of_them = (Counts(), *counts)
    measured = map(sum, zip(*(each.measures for each in all_of_them), strict=True))
    return Counts(tuple(measured), OverdueCounts(*map(sum, zip(*(each.overdue for each in all_of_them), strict=True))))


_MILLION = 1_000_000
COLUMN_TYPES: dict[str, Any] = {name: float | None if name in RATES else int for name in metric_columns([])}
"""Column → type of its numbers, in the order of `metric_columns`."""


def satisfies_identities(numbers: Mapping[str, int]) -> bool:
    """Tells whether the identities of this module hold for the numbers of a row or a total."""
    ended = sum(numbers[name] for name in ("closed", "rejected", "duplicate", "cancelled"))
    stands = sum(numbers[name] for name in OPEN_PARTS)
    return numbers["received"] == numbers["open"] + ended and numbers["open"] == stands
