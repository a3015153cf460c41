"""The texts of notices, editable by the office: a title and a text for each kind, with fields in braces."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from string import Formatter
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from inspections.calendar import SHANGHAI
from inspections.field_types import TemplateLine, TemplateText
from inspections.hazards.records import Hazard, HistoryEntry, Outcome, State
from inspections.notices.recipients import DAILY, DAMAGED, HISTORY, MAJOR, UNREADABLE_ALARM, WEEKLY
from inspections.office.categories import Priority, Severity

_HAZARD = ("number", "community", "category", "place", "state", "priority", "severity", "due_at", "quantity", "unit")
_LINE = ("by", "reason", "line_due_at")
_AGENDA = ("day", "waiting", "due_today", "overdue", "pending_recheck", "received", "closed", "open")
_REQUEST = (*_HAZARD, *_LINE, "decision_link")
_FIELDS = {
    "request_extension": _REQUEST,
    MAJOR: _REQUEST,
    DAILY: _AGENDA,
    WEEKLY: _AGENDA,
    HISTORY: ("day", "file", "sha256", "hazards"),
    UNREADABLE_ALARM: ("device", "community", "place", "sample"),
}


class Template(Struct, frozen=True):
    """The title and text of a kind of notice. `version` 0: the built-in one, never edited."""

    kind: str
    version: int
    title: str
    text: str
    edited_by: str | None = None
    edited_at: datetime | None = None


class NewTemplate(Struct, frozen=True, forbid_unknown_fields=True):
    """An edited template. `version` is the one that the editor started from."""

    version: Annotated[int, Meta(ge=0, le=1_000_000)]
    title: TemplateLine
    text: TemplateText


MAX_TITLE, MAX_TEXT = 200, 8000
"""Letters of a rendered title and text."""


class NoticeText(NamedTuple):
    """The rendered title and text of a notice."""

    title: str
    text: str


_AT = "{number}（{community} {place}，{category}）"
_TODAY = "{day}：待受理 {waiting} 件，今日到期 {due_today} 件，逾期 {overdue} 件，待复查 {pending_recheck} 件。"
_THIS_WEEK = (
    "截至 {day} 的七天：上报 {received} 件，办结 {closed} 件；"
    "现有未办结 {open} 件，其中逾期 {overdue} 件，待受理 {waiting} 件，待复查 {pending_recheck} 件。"
)
_UNREADABLE = (
    "{device}（{community} {place}）发来报警，但内容无法识读，未能自动立案。"
    "请当日到现场核查，并请厂家检查设备。原文：{sample}"
)
_DEFAULTS: dict[str, tuple[str, str]] = {
    "alert": ("监测报警待核查", f"{_AT}监测设备报警，已自动受理，请立即安排现场核查。"),
    "report": ("紧急隐患待受理", f"{_AT}刚刚上报，紧急程度：{{priority}}，请尽快受理。"),
    "rebound": ("隐患反弹待受理", f"回头看发现反弹：{_AT}，请受理。"),
    "fix_on_spot": ("即查即改待复查", f"{_AT}已即查即改，请安排复查。"),
    "draw": ("抽中复查", f"{_AT}已办结，但整改情况存疑，请另行安排复查。"),
    "reject": ("上报未予受理", f"您上报的{_AT}不予受理。原因：{{reason}}"),
    "merge": ("上报已并案", f"您上报的{_AT}与其他隐患重复，已并案办理。"),
    "verify": ("现场核实已办结", f"{_AT}经现场核实，{{state}}。"),
    "assign": ("新派单", f"{_AT}已派给您，整改期限 {{due_at}}，请及时签收。"),
    "return": ("退单", f"{_AT}被 {{by}} 退回，请重新派单。原因：{{reason}}"),
    "submit_fix": ("整改完成待复查", f"{_AT}已提交整改，请在期限内复查。"),
    "recheck.pass": ("隐患已销号", f"{_AT}复查通过，已销号。"),
    "recheck.fail": ("复查未通过", f"{_AT}复查未通过，新的整改期限 {{due_at}}。原因：{{reason}}"),
    "recheck.partial": ("分批整改", f"{_AT}部分整改已确认，其余请在 {{due_at}} 前完成。"),
    "recheck.refused": ("拒不整改，已落实管控", f"{_AT}拒不整改，已落实管控并办结。原因：{{reason}}"),
    MAJOR: ("拟定重大隐患待确认", f"{_AT}拟定为重大隐患，请确认。{{decision_link}}"),
    "confirm_major": ("重大隐患认定", f"{_AT}已有认定结果：{{severity}}，整改期限 {{due_at}}。"),
    "request_extension": ("延期申请待审批", f"{_AT}申请延期至 {{line_due_at}}，原因：{{reason}}{{decision_link}}"),
    "decide_extension": ("延期申请已审批", f"{_AT}的延期申请已审批，整改期限 {{due_at}}。{{reason}}"),
    "suspend": ("暂缓整改", f"{_AT}已暂缓整改。原因：{{reason}}"),
    "resume": ("恢复整改", f"{_AT}恢复整改，整改期限 {{due_at}}。"),
    "supervise": ("挂牌督办", f"{_AT}已挂牌督办，请抓紧整改，期限 {{due_at}}。"),
    "unsupervise": ("解除督办", f"{_AT}已解除督办。{{reason}}"),
    "transfer": ("移交", f"{_AT}已移交其他单位办理。原因：{{reason}}"),
    "transfer_reply.settled": ("移交已办结", f"{_AT}已由接收单位办结。"),
    "transfer_reply.returned": ("移交退回", f"{_AT}被接收单位退回，请重新派单。"),
    "reopen": ("重新打开", f"{_AT}重新打开，整改期限 {{due_at}}。原因：{{reason}}"),
    "cancel": ("作废", f"{_AT}已作废。原因：{{reason}}"),
    DAMAGED: ("照片损坏，请重新上传", "您上传的照片已损坏，请趁手机上还有原件重新上传。{number} {place}"),
    UNREADABLE_ALARM: ("监测报警无法识读，请核查", _UNREADABLE),
    DAILY: ("今日待办", _TODAY),
    WEEKLY: ("一周情况", _THIS_WEEK),
    HISTORY: ("每日历史摘要", "{day} 的历史摘要文件 {file}，涉及 {hazards} 起隐患，摘要 {sha256}。请另行留存。"),
}
_REMINDER = ("期限提醒", f"{_AT}将于 {{line_due_at}} 到期，请抓紧办理。")
_RUNG = ("超期提醒", f"{_AT}的期限 {{line_due_at}} 已过，现为“{{state}}”，请督促办理。")
_SUPERVISE = ("建议督办", f"{_AT}的期限 {{line_due_at}} 已过，仍为“{{state}}”，建议挂牌督办。")
HIDDEN_TEXT = "该事项不在您的查看范围内，不显示详情。"
"""The text of a notice whose hazard its recipient may not see."""
KINDS = tuple(_DEFAULTS)
"""All kinds of notices except rungs of escalation ladders, which the office names itself."""


def default_template(kind: str) -> Template:
    """Returns the built-in template of a kind; for a rung, the reminder or the overdue text."""
    rung = _REMINDER if ".reminder" in kind else _SUPERVISE if kind.endswith(".supervise") else _RUNG
    return Template(kind, 0, *_DEFAULTS.get(kind, rung))


def template_fields(kind: str) -> tuple[str, ...]:
    """Returns the fields that a template of this kind may use."""
    return _FIELDS.get(kind, (*_HAZARD, *_LINE))


def unknown_fields(kind: str, text: str) -> list[str]:
    """Returns the placeholders in `text` that are no fields of this kind. Raises ValueError for unbalanced braces."""
    known = template_fields(kind)
    return [name for name in _placeholders(text) if name not in known]


def _placeholders(text: str) -> Iterator[str]:
    """Yields each placeholder with its attribute, conversion and format, none of which any field allows."""
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            yield name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")


def render_template(template: Template, values: Mapping[str, str]) -> NoticeText:
    """Fills in a template. The title is one line of at most MAX_TITLE letters whatever the values are: it is a header
    of mails. The text has at most MAX_TEXT letters, since a template may name a long field hundreds of times. For a
    stored template that cannot be read, the built-in one is used: no notice is lost for its words.
    """
    try:
        title, text = _render_text(template.title, values), _render_text(template.text, values)
    except ValueError:
        return render_template(default_template(template.kind), values)
    return NoticeText(" ".join(title.split())[:MAX_TITLE], text[:MAX_TEXT])


def _render_text(text: str, values: Mapping[str, str]) -> str:
    """Fills in the fields; one that a stored template has from an older version of the program is left empty."""
    return "".join(
        literal + (values.get(name, "") if name is not None else "") for literal, name, _, _ in Formatter().parse(text)
    )


# values of the fields ---------------------------------------------------------------------------------------

STATES = {
    State.REPORTED: "待受理",
    State.ACCEPTED: "已受理",
    State.REJECTED: "不予受理",
    State.DUPLICATE: "重复并案",
    State.ASSIGNED: "已派单",
    State.RECTIFYING: "整改中",
    State.PENDING_RECHECK: "待复查",
    State.CLOSED: "已销号",
    State.SUSPENDED: "暂缓整改",
    State.TRANSFERRED: "移交",
    State.CANCELLED: "作废",
}
_PRIORITIES = {Priority.NORMAL: "一般", Priority.HIGH: "较急", Priority.URGENT: "紧急", None: "待定"}
OUTCOMES = {
    Outcome.FIXED: "已整改",
    Outcome.UNFOUNDED: "不属实",
    Outcome.FALSE_ALARM: "误报",
    Outcome.SELF_RESOLVED: "自行消除",
    Outcome.REFUSED_CONTROLLED: "拒改，落实管控",
    Outcome.SETTLED_ELSEWHERE: "移交办结",
}
SEVERITIES = {Severity.GENERAL: "一般隐患", Severity.MAJOR: "重大隐患"}


class DisplayNames(NamedTuple):
    """The display names of a hazard's community and category."""

    community: str
    category: str


def hazard_values(hazard: Hazard, names: DisplayNames) -> dict[str, str]:
    """Returns the field values of the hazard in its present state, even for an old notice."""
    return {
        "number": hazard.number,
        "community": names.community,
        "category": names.category,
        "place": hazard.place,
        "state": STATES[hazard.state],
        "priority": _PRIORITIES[hazard.priority],
        "severity": SEVERITIES[hazard.severity],
        "due_at": format_moment(hazard.due_at),
        "quantity": str(hazard.quantity),
        "unit": hazard.unit,
    }


def line_values(line: HistoryEntry, by: str) -> dict[str, str]:
    """Returns the field values of a notice's history line. `by`: a name. Erased values are gone here too."""
    facts = line.facts
    due_at = facts.get("due_at")
    deadline = format_moment(datetime.fromisoformat(due_at)) if due_at else "（未定）"
    return {"by": by, "reason": facts.get("reason") or facts.get("basis") or "", "line_due_at": deadline}


def decision_link_text(url: str) -> str:
    """Returns the value of the field `decision_link`, which is empty for everybody who gets no link."""
    return f"\n点此审批（仅限本人，一次有效，三天内有效，请勿转发）：\n{url}"


def fact_values(facts: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}


def format_moment(moment: datetime | None) -> str:
    """Formats an instant in Asia/Shanghai time, to the minute."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if moment else "（未定）"
