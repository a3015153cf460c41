"""Reports a hazard: from the phone's report to a numbered hazard with its first history entry."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from inspections.accounts.people import Person, Role
from inspections.accounts.policy import find_delegator, scope
from inspections.calendar import shanghai_date
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.hazards.deadlines import look_back_deadline, stage_due_fields
from inspections.hazards.duplicates import duplicate_candidates
from inspections.hazards.history import NewEntry, append_history, comparable_facts
from inspections.hazards.records import DuplicateCandidate, Hazard, HazardWithPhotos, HistoryEntry, Outcome, State
from inspections.notices.recipients import build_notices
from inspections.office.categories import Category, Severity
from inspections.photos.actions.intake import DeclarationResult, declare_photos, prepare_intake
from inspections.photos.evidence import has_stage, missing_digests
from inspections.photos.records import Photo, Stage
from inspections.places.communities import Community, place_key
from inspections.places.coordinates import cell
from inspections.remediation.actions.dispatch import accept_by_rule
from inspections.remediation.actions.step_context import start_fixing_clock, update_clocks
from inspections.remediation.phone_clocks import sent_facts, settle_phone_facts
from inspections.remediation.recheck_sample import recheck_reasons
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import FixedOnSpot, Report
from inspections.request_texts import check_texts, clean_texts, differing_fields


class ReportResult(NamedTuple):
    """The reported hazard and similar ones. `repeated`: the same report was received before."""

    reported: HazardWithPhotos
    similar: list[DuplicateCandidate]
    repeated: bool


def history_facts(body: Report | msgspec.Struct) -> dict[str, Any]:
    """Converts a body to the facts of a history entry: JSON values, without ids that have their own columns."""
    facts: dict[str, Any] = msgspec.to_builtins(body)
    return {name: value for name, value in facts.items() if name not in {"id", "version", "step"}}


def report_hazard(
    repository: RemediationRepository,
    person: Person,
    report: Report,
    now: datetime,
    arrived: Sequence[Photo] = (),
    *,
    demo: bool = False,
) -> Change[ReportResult]:
    """Reports a hazard. `arrived`: the photos sent with it.

    Raises NotFound (community), Forbidden, IdConflict, IdOwnerConflict, InvalidInput, DamagedPhoto.
    """
    earlier = repository.history_entry(report.id)
    sent = prepare_intake(repository, person, arrived, now)
    if earlier is not None and earlier.by == person.username:
        return Change(_answer_repeated_report(repository, person, report, earlier), sent.records, sent.restored)
    community = _check_community(repository, person, report)
    if earlier is not None:
        raise IdOwnerConflict
    sent.check_no_damage()
    report = clean_texts(report)
    category = _check_report(repository, report)
    report, notes = settle_phone_facts(report, now)
    source = _report_source(person, community)
    hazard = new_hazard(repository, report, person.username, source, (community, category), now, demo=demo)
    declared = declare_photos(repository, person, (report.id, report.id), report.photos, now, sent.photos)
    lent_by = find_delegator(person, "hazard.report", hazard)
    facts = history_facts(report) | notes
    hazard, line = append_history(
        repository, None, hazard, NewEntry(report.id, "report", person.username, now, facts, lent_by)
    )
    if report.fixed_on_spot:
        hazard, *more = _fix_on_spot(repository, hazard, category, report.fixed_on_spot, declared, now)
    else:
        hazard, more = accept_by_rule(repository, hazard, category, now)
    answer = ReportResult(
        HazardWithPhotos(hazard, list(declared.shown)), _similar_hazards(repository, person, hazard), repeated=False
    )
    told = build_notices(repository, None, hazard, (line, *more), now)
    return Change(answer, (*sent.records, hazard, line, *more, *declared.records, *told), sent.restored)


def _check_community(repository: RemediationRepository, person: Person, report: Report) -> Community:
    community = repository.community(report.community)
    if community is None or not scope(person, "place.see").covers_community(community.code):
        raise NotFound("community", "community")
    if not scope(person, "hazard.report").covers_community(community.code):
        raise Forbidden
    return community


def _similar_hazards(repository: RemediationRepository, person: Person, hazard: Hazard) -> list[DuplicateCandidate]:
    return duplicate_candidates(hazard, repository.earlier_reports(hazard), scope(person, "hazard.see"))


def _answer_repeated_report(
    repository: RemediationRepository, person: Person, report: Report, earlier: HistoryEntry
) -> ReportResult:
    hazard = repository.hazard(earlier.hazard)
    if hazard is None:
        raise NotFound("hazard")
    if earlier.step != "report":  # the id of a step, or of a hazard created by a look-back
        raise IdConflict(["id"])
    kept = sent_facts(comparable_facts(earlier, history_facts(report)))
    before = msgspec.convert({**kept, "id": earlier.id}, Report, strict=False)
    if fields := differing_fields(before, report, Report.__struct_fields__):
        raise IdConflict(fields)
    return ReportResult(
        HazardWithPhotos(hazard, repository.declared_photos([hazard.id])),
        _similar_hazards(repository, person, hazard),
        repeated=True,
    )


def _check_report(repository: RemediationRepository, report: Report) -> Category:
    category = repository.category(report.category)
    spot = report.fixed_on_spot
    unmet = {
        ("category", "没有这个隐患类别"): category is None,
        ("category", "该类别由监测设备发起，不能人工上报"): category is not None and category.from_device,
        ("photos", "请至少附一张照片"): not report.photos,
        ("photos", "即查即改须附整改前照片"): spot and not has_stage(report.photos, Stage.BEFORE),
        ("photos", "即查即改须附整改后照片"): spot and not has_stage(report.photos, Stage.AFTER),
        ("fixed_on_spot.quantity_done", "整改数量不能超过隐患数量"): spot and spot.quantity_done > report.quantity,
        ("fixed_on_spot", "该类别须先受理定级，不能即查即改"): spot
        and category is not None
        and category.priority is None,
    }
    errors = [error for error, holds in unmet.items() if holds]
    if errors or category is None:
        raise InvalidInput(*errors)
    return category


def _report_source(person: Person, community: Community) -> str:
    officer = person.has_role(Role.OFFICER, community.code) and not person.has_role(Role.INSPECTOR, community.code)
    return "officer" if officer else "inspector"


def new_hazard(
    repository: RemediationRepository, report: Report, by: str, source: str, classification: tuple[Community, Category],
    now: datetime, *, demo: bool = False,
) -> Hazard:  # fmt: skip
    """Creates a hazard without history. `by`: the reporting account; `source`: the channel it was reported through."""
    community, category = classification
    new = Hazard(
        id=report.id,
        number=_next_number(repository, community, now),
        state=State.REPORTED,
        outcome=None,
        version=1,
        community=community.code,
        category=category.code,
        severity=Severity.GENERAL,
        major_proposed=category.proposes_major,
        priority=category.priority,
        advisory=category.advisory,
        description=report.description,
        place=report.place,
        place_key=place_key(report.place),
        point=report.point,
        cell=cell(report.point) if report.point else None,
        quantity=report.quantity,
        unit=category.unit,
        quantity_claimed=0, quantity_done=0,
        responsible_party=report.responsible_party,
        source=source,
        reporter=by,
        reporters=(), lead=None, assisting=(),
        fixed_on_spot=False,
        fix_method=None, fix_outcome=None, fixed_by=None,
        found_at=report.found_at.astimezone(UTC),
        reported_at=now,
        updated_at=now,
        accepted_at=None,
        submitted_at=None,
        closed_at=None,
        **stage_due_fields("accept_due_at", repository.rules.acceptance[category.priority], now, repository.calendar),
        due_at=None,
        due_provisional=False,
        deadline_number=0,
        recheck_due_at=None,
        next_check_at=None,
        times_returned=0, times_reworked=0,
        rebounded_as=None,
        merged_into=None,
        recurrence_of=None,
        history_length=0,
        history_head="",
        demo=demo,
        stage_from=now,
        vehicle_standard=report.vehicle_standard,
    )  # fmt: skip
    return update_clocks(None, new, repository, now)


def _next_number(repository: RemediationRepository, community: Community, now: datetime) -> str:
    """Returns the next readable number, such as `XJ-2026-000123`, counted per street and Shanghai year."""
    street = repository.street(community.street)
    series = f"{street.abbreviation if street else community.street}-{shanghai_date(now).year}"
    return f"{series}-{repository.next_number(series):06d}"


def _fix_on_spot(
    repository: RemediationRepository,
    hazard: Hazard,
    category: Category,
    fix: FixedOnSpot,
    declared: DeclarationResult,
    now: datetime,
) -> tuple[Hazard, HistoryEntry]:
    """即查即改: accepts and fixes the hazard, and closes it at once unless a re-check is needed."""
    fixed = replace(
        start_fixing_clock(hazard, category, repository, now),
        fixed_on_spot=True,
        fix_method=fix.method,
        fix_outcome=fix.outcome,
        fixed_by=hazard.reporter,
        quantity_claimed=fix.quantity_done,
        submitted_at=now,
        stage_number=hazard.stage_number + 1,
    )
    reasons = recheck_reasons(fixed, photos_missing=bool(missing_digests(declared.shown)))
    if reasons:
        fixed = replace(fixed, state=State.PENDING_RECHECK)
    else:
        fixed = replace(
            fixed,
            state=State.CLOSED,
            outcome=Outcome.FIXED,
            quantity_done=fix.quantity_done,
            closed_at=now,
            look_back_due_at=look_back_deadline(category, now),
        )
    facts = {**history_facts(fix), "recheck": reasons}
    fixed = update_clocks(hazard, fixed, repository, now)
    return append_history(
        repository, hazard, fixed, NewEntry(repository.new_id(), "fix_on_spot", hazard.reporter, now, facts)
    )


def create_rebound(hazard: Hazard, repository: RemediationRepository, person: Person, now: datetime) -> Hazard:
    """反弹: creates a new hazard for a closed one that has recurred, linked to it."""
    community = repository.community(hazard.community)
    category = repository.category(hazard.category)
    if community is None or category is None:
        raise NotFound("community")
    report = Report(
        id=repository.new_id(),
        community=hazard.community,
        category=hazard.category,
        description=hazard.description,
        place=hazard.place,
        found_at=now,
        quantity=hazard.quantity,
        point=hazard.point,
        responsible_party=hazard.responsible_party,
    )
    report, _ = check_texts(report)  # of a hazard that may be older than the rule
    by, of = person.username, (community, category)
    new = new_hazard(repository, report, by, "look_back", of, now, demo=hazard.demo)
    return replace(new, recurrence_of=hazard.id)
