"""Separation of duties: whoever fixes does not re-check, whatever name is given, and nobody judges the own work."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.people import Grant, Role
from inspections.errors import InvalidInput, OwnRequest, OwnWork, Refusal, SelfRecheck
from inspections.hazards.records import Party, State
from inspections.remediation.steps import (
    Accept,
    Assign,
    Cancel,
    ConfirmMajor,
    DecideExtension,
    ProposeMajor,
    Recheck,
    Reclassify,
    RequestExtension,
    Return,
    Supervise,
    Suspend,
    Unsupervise,
    Verify,
)
from tests.builders.office import HERE, NOW, Office, later, li, ma, person, wang, zhao
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, assigned_hazard, fix, submitted_hazard, take

EVERYTHING = (Role.INSPECTOR, Role.OFFICER, Role.HANDLER, Role.SUPERVISOR)
RESULTS = {
    "pass": {"note": "已整改"},
    "fail": {"reason": "未拆除", "due_at": later(days=9)},
    "partial": {"quantity_done": 0},
    "expired": {"note": "未整改"},
    "refused": {"reason": "拒不整改", "note": "断电"},
}


@pytest.fixture
def office():
    office = Office()
    office.keep(person("both", *EVERYTHING), person("aide", *EVERYTHING))
    return office


def lend(giver, receiver, role):
    """The receiver with a role that the giver lends."""
    return replace(receiver, grants=(*receiver.grants, Grant(role, HERE.code, by=giver.username)))


def assigned_to(office, lead, *assisting, **facts):
    return take(office, li, accepted_hazard(office, **facts), Assign, lead=lead, assisting=assisting)


# the re-check ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("handlers", [("both",), ("zhao", "both")])
@pytest.mark.parametrize("named", [None, "某物业", "zhao", "both"])
@pytest.mark.parametrize("result", RESULTS)
def test_no_handler_of_a_fix_rechecks_it_whatever_name_it_carries(office, handlers, named, result):
    both = office.person("both")
    hazard = assigned_to(office, *handlers)
    if named in hazard.handlers or named in {None, "某物业"}:
        fixed = fix(office, hazard, who=both, on_behalf_of=named)
        with pytest.raises(SelfRecheck):
            take(office, both, fixed, Recheck, result=result, **RESULTS[result])
        assert take(office, wang, fixed, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_an_assisting_handler_does_not_recheck_what_the_lead_or_an_officer_submitted(office):
    for who, facts in ((zhao, {}), (li, {"on_behalf_of": "zhao"}), (li, {"on_behalf_of": "某物业"})):
        fixed = fix(office, assigned_to(office, "zhao", "both"), who=who, **facts)
        with pytest.raises(SelfRecheck):
            take(office, office.person("both"), fixed, Recheck, result="pass", note="已整改")


def test_a_handler_whose_fix_failed_may_recheck_that_of_the_next_one(office):
    both = office.person("both")
    fixed = fix(office, assigned_to(office, "both"), who=both)
    failed = take(office, wang, fixed, Recheck, result="fail", reason="未拆除", due_at=later(days=9))
    again = take(office, li, failed, Assign, lead="zhao")
    fixed = fix(office, again)
    assert take(office, both, fixed, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_who_acts_for_a_handler_does_not_recheck_for_them(office):
    fixed = fix(office, assigned_to(office, "both"), who=office.person("both"))
    deputy = lend(office.person("both"), person("deputy"), Role.OFFICER)
    with pytest.raises(SelfRecheck):
        take(office, deputy, fixed, Recheck, result="pass", note="已整改")
    other = lend(li, person("deputy"), Role.OFFICER)
    assert take(office, other, fixed, Recheck, result="pass", note="已整改").state is State.CLOSED


def spellings(text):
    wide = "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text)
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")}
    return sorted({*forms, f" {text}", text.upper(), wide})


@pytest.mark.parametrize("spelled", [*spellings("rené"), *spellings("René Zhāng")])
def test_an_account_that_the_fix_names_does_not_recheck_however_its_name_is_spelled(office, spelled):
    rene = replace(person("rené", Role.INSPECTOR, Role.OFFICER), name="René Zhāng")
    fixed = fix(office, assigned_to(office, "zhao", responsible_party=Party("merchant", spelled)), on_behalf_of=spelled)
    office.keep(rene)
    with pytest.raises(SelfRecheck):
        take(office, rene, fixed, Recheck, result="pass", note="已整改")
    assert take(office, li, fixed, Recheck, result="pass", note="已整改").state is State.CLOSED


def test_a_fix_names_nobody_who_could_recheck_it(office):
    """Whoever is named may not re-check, so naming an inspector would bar them."""
    office.keep(replace(wang, name="王 巡查"), replace(person("gone", Role.OFFICER), name="老周", active=False))
    office.keep(replace(person("clerk", Role.ANALYST), name="小陈"), replace(zhao, name="赵电工"))
    hazard = assigned_to(office, "zhao")
    for named in ("wang", "王巡查", "王 巡查", "Wang", "chen"):
        with pytest.raises(InvalidInput) as refused:
            fix(office, hazard, who=li, on_behalf_of=named)
        assert [error.field for error in refused.value.facts["errors"]] == ["on_behalf_of"]
    for named in ("小陈", "赵电工", "老周", "王"):
        assert fix(office, assigned_to(office, "zhao"), who=li, on_behalf_of=named).fixed_by == named


def test_an_officer_who_types_for_a_party_may_recheck(office):
    fixed = fix(
        office, assigned_to(office, None, responsible_party=Party("owner", "陈某")), who=li, on_behalf_of="陈某"
    )
    assert take(office, li, fixed, Recheck, result="pass", note="已整改").state is State.CLOSED


# other duties ---------------------------------------------------------------------------------------------------

OWN_WORK = [
    (Verify, {"outcome": "self_resolved", "note": "已自行消除"}),
    (Suspend, {"reason": "停工", "measures": "断电", "review_at": later(days=5)}),
    (Cancel, {"reason": "误报"}),
    (Unsupervise, {"reason": "已落实"}),
    (Reclassify, {"category": "EV-01", "reason": "更正", "due_at": later(days=90)}),
    (DecideExtension, {"granted": True}),
    (DecideExtension, {"granted": False, "reason": "不同意"}),
]


@pytest.mark.parametrize(("kind", "facts"), OWN_WORK)
def test_a_handler_takes_no_step_that_judges_or_releases_them(office, kind, facts):
    both = office.person("both")
    hazard = assigned_to(office, "zhao", "both")
    hazard = take(office, ma, hazard, Supervise, level="district", document="〔2026〕1号")
    hazard = take(office, zhao, hazard, RequestExtension, due_at=later(days=30), reason="材料未到")
    with pytest.raises(OwnWork):
        take(office, both, hazard, kind, **facts)
    deputy = lend(both, person("deputy"), Role.SUPERVISOR)
    if kind is not Verify and kind is not Reclassify:  # steps of supervisors, whose role can be lent
        with pytest.raises(OwnWork):
            take(office, deputy, hazard, kind, **facts)
    assert take(office, office.person("aide"), hazard, kind, **facts).version == hazard.version + 1


def test_a_handler_may_correct_the_category_without_a_new_deadline(office):
    both = office.person("both")
    hazard = assigned_to(office, "both")
    assert take(office, both, hazard, Reclassify, category="EV-01", reason="更正").due_at == hazard.due_at


def test_a_handler_who_has_returned_the_job_may_verify(office):
    both = office.person("both")
    back = take(office, both, assigned_to(office, "both"), Return, reason="现场无隐患")
    assert take(office, both, back, Verify, outcome="unfounded", note="现场无隐患").state is State.CLOSED


def test_an_officer_who_supervises_too_may_decide_what_they_typed_for_a_party(office):
    """A small office may have one person for both."""
    both = office.person("both")
    hazard = assigned_to(office, None, responsible_party=Party("owner", "陈某"))
    asked = take(office, both, hazard, RequestExtension, due_at=later(days=30), reason="材料未到")
    assert take(office, both, asked, DecideExtension, granted=True).times_extended == 1
    proposed = take(office, both, hazard, ProposeMajor, version=asked.version + 1, basis="判定标准")
    assert take(office, both, proposed, ConfirmMajor, authority="区安委办", document="1号").major.document == "1号"


def test_lent_powers_do_not_grant_what_their_borrower_asked_for(office):
    deputy = lend(ma, li, Role.SUPERVISOR)
    asked = take(office, li, assigned_hazard(office), RequestExtension, due_at=later(days=30), reason="材料未到")
    with pytest.raises(OwnRequest):
        take(office, deputy, asked, DecideExtension, granted=True)
    declined = take(office, deputy, asked, DecideExtension, granted=False, reason="撤回")
    proposed = take(office, li, declined, ProposeMajor, basis="判定标准")
    with pytest.raises(OwnRequest):
        take(office, deputy, proposed, ConfirmMajor, authority="区安委办", document="1号")
    assert not take(office, deputy, proposed, ConfirmMajor, confirmed=False, reason="撤回").major_proposed


def test_lent_powers_grant_what_others_asked_for(office):
    deputy = lend(ma, li, Role.SUPERVISOR)
    asked = take(office, zhao, assigned_hazard(office), RequestExtension, due_at=later(days=30), reason="材料未到")
    granted = take(office, deputy, asked, DecideExtension, granted=True)
    proposed = take(office, office.person("aide"), granted, ProposeMajor, basis="判定标准")
    assert take(office, deputy, proposed, ConfirmMajor, authority="区安委办", document="1号").major is not None


@pytest.mark.parametrize(("severity", "refused"), [("major", True), ("general", False), (None, False)])
def test_an_acceptance_as_major_is_a_proposal_too(office, severity, refused):
    deputy = lend(ma, li, Role.SUPERVISOR)
    hazard = take(office, li, report_new_hazard(office, category="MU-01"), Accept, severity=severity, priority="high")
    facts = {"authority": "区安委办", "document": "1号"}
    if refused:
        with pytest.raises(OwnRequest):
            take(office, deputy, hazard, ConfirmMajor, **facts)
    else:  # the category proposes it
        assert take(office, deputy, hazard, ConfirmMajor, **facts).major is not None


def test_the_refusal_of_a_party_is_recorded_by_the_officer_who_typed_its_fix(office):
    fixed = submitted_hazard(office)
    assert fixed.fixed_by == "zhao"
    late = fixed.due_at + (later(days=1) - NOW)
    closed = take(office, li, fixed, Recheck, late, result="refused", reason="拒不整改", note="断电")
    assert closed.state is State.CLOSED


@given(st.data())
def test_nobody_closes_as_fixed_what_they_were_assigned_when_it_was_submitted(data):
    """Any order of steps by people who hold every role: a pass is never by a handler of the fix, nor by its name."""
    office = Office()
    people = [person(name, *EVERYTHING) for name in ("ann", "bob", "cai")]
    office.keep(*people)
    names = st.sampled_from([each.username for each in people])
    hazard = accepted_hazard(office)
    fixers = set()
    moves = [
        (Assign, lambda: {"lead": data.draw(names), "assisting": (data.draw(names),)}),
        (Recheck, lambda: {"result": "pass", "note": "好"}),
        (Recheck, lambda: {"result": "fail", "reason": "否", "due_at": later(days=9)}),
    ]
    for _ in range(data.draw(st.integers(2, 8))):
        who = data.draw(st.sampled_from(people))
        try:
            if data.draw(st.booleans()):
                before = hazard
                hazard = fix(office, hazard, who=who, on_behalf_of=data.draw(st.sampled_from([None, "某物业"])))
                fixers = {*before.handlers, hazard.fixed_by}
            else:
                kind, facts = data.draw(st.sampled_from(moves))
                hazard = take(office, who, hazard, kind, **facts())
        except Refusal:
            continue
        if hazard.state is State.CLOSED:
            assert who.username not in fixers
            return
