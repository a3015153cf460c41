"""What each number means. Every rate states its denominator (口径); rates are null where there is nothing to divide.

A row counts the hazards of one community that were **received** in the period (by `reported_at`, cut at Asia/Shanghai)
and where they stand now, so that per community and in total, for every period:

    received = open + closed + rejected + duplicate + cancelled
    open     = waiting + on_time + overdue + suspended + pending_recheck + transferred

The quantities and the completion rate follow the cohort **accepted** in the period (by `accepted_at`).
"""

from msgspec import Struct

DEFINITIONS: dict[str, str] = {
    "received": "期间内上报的隐患数（以系统收到时间计）",
    "accepted": "期间内上报的隐患中已受理的件数，不含后来并案的",
    "rejected": "期间内上报、不予受理的件数",
    "duplicate": "期间内上报、重复并案的件数",
    "cancelled": "期间内上报、作废的件数",
    "closed": "期间内上报、已销号的件数（含不属实、误报、自行消除、拒改管控、移交办结）",
    "fixed": "期间内上报、以“已整改”销号的件数",
    "rebounded": "其中销号后回头看发现反弹的件数（反弹另立新案）",
    "open": "期间内上报、尚未办结的件数 = 待受理 + 整改期限内 + 逾期 + 暂缓 + 待复查 + 移交中",
    "waiting": "其中待受理的件数",
    "on_time": "其中已受理、整改期限未到的件数（动员类不计逾期）",
    "overdue": "其中已受理、超过整改期限仍未提交整改的件数",
    "suspended": "其中暂缓整改的件数",
    "pending_recheck": "其中待复查的件数",
    "transferred": "其中移交、等待对方答复的件数",
    "quantity_found": "期间内受理隐患的数量之和（处、辆、个），不含并案",
    "quantity_done": "上述隐患经复查确认已整改的数量之和",
    "cohort_accepted": "期间内受理的隐患件数，不含并案",
    "cohort_closed": "上述隐患中已销号的件数",
    "fixed_on_spot": "上述隐患中即查即改的件数",
    "acceptance_rate": "受理率 = accepted ÷ (received − duplicate)；尚待受理的见 waiting",
    "completion_rate": "办结率 = cohort_closed ÷ cohort_accepted（同一批受理的隐患）",
    "fix_rate": "整改率 = quantity_done ÷ quantity_found",
    "on_spot_rate": "现场整改率 = fixed_on_spot ÷ cohort_accepted",
    "duplicate_rate": "重复上报率 = duplicate ÷ received",
    "rebound_rate": "反弹率 = rebounded ÷ fixed",
}


FLOWS: dict[str, str] = {
    "received": "该时段内上报的隐患数（以系统收到时间计）",
    "accepted": "该时段内受理的件数，不论何时上报，不含并案",
    "closed": "该时段内销号的件数，不论何时上报",
    "fixed": "其中以“已整改”销号的件数",
}
"""What happened in a stretch of time, whenever the hazards were reported: no cohort, so no rates."""


class Flow(Struct, frozen=True):
    """See FLOWS."""

    received: int = 0
    accepted: int = 0
    closed: int = 0
    fixed: int = 0

    def __add__(self, other: "Flow") -> "Flow":
        return Flow(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Counts(Struct, frozen=True):
    """The counts of one community or of several together; see DEFINITIONS."""

    received: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    cancelled: int = 0
    closed: int = 0
    fixed: int = 0
    waiting: int = 0
    on_time: int = 0
    overdue: int = 0
    suspended: int = 0
    pending_recheck: int = 0
    transferred: int = 0
    quantity_found: int = 0
    quantity_done: int = 0
    cohort_accepted: int = 0
    cohort_closed: int = 0
    fixed_on_spot: int = 0
    rebounded: int = 0

    @property
    def open(self) -> int:
        return self.waiting + self.on_time + self.overdue + self.suspended + self.pending_recheck + self.transferred

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def rates(self) -> dict[str, float | None]:
        return {
            "acceptance_rate": _rate(self.accepted, self.received - self.duplicate),
            "completion_rate": _rate(self.cohort_closed, self.cohort_accepted),
            "fix_rate": _rate(self.quantity_done, self.quantity_found),
            "on_spot_rate": _rate(self.fixed_on_spot, self.cohort_accepted),
            "duplicate_rate": _rate(self.duplicate, self.received),
            "rebound_rate": _rate(self.rebounded, self.fixed),
        }


def _rate(numerator: int, denominator: int) -> float | None:
    return round(numerator / denominator, 6) if denominator else None


def holds(counts: Counts) -> bool:
    """The identities of this module, over one row or a total."""
    ended = counts.closed + counts.rejected + counts.duplicate + counts.cancelled
    return counts.received == counts.open + ended
