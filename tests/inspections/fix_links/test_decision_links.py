"""Decision links: one person decides one request of one version of a hazard, once, and within three days."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.decision_links import KEPT_AFTER_EXPIRY, LIFETIME, DecisionLink
from inspections.accounts.people import Role
from inspections.accounts.second_factor import SecondFactor, SubmittedCode
from inspections.accounts.security_profile import STANDARD, STRICT
from inspections.accounts.throttling import PER_LINK
from inspections.errors import (
    ExpiredPassword,
    IdOwnerConflict,
    InactiveDecisionLink,
    InvalidCredentials,
    InvalidInput,
    MissingSecondFactor,
    MissingTotpCode,
    NotFound,
    TooManyRequests,
)
from inspections.fix_links.actions.decision_links import (
    count_decision_request,
    decide_by_link,
    delete_expired_links,
    load_decision,
)
from inspections.notices.actions.decision_links import WantedLink, create_decision_links
from inspections.remediation.steps import Attach, ConfirmMajor, DecideExtension, Note, ProposeMajor, RequestExtension
from tests.builders.histories import history_defects
from tests.builders.office import HERE, NOW, Office, later, li, ma, new_id, person, photo_declaration, zhao
from tests.builders.steps import accepted_hazard, rectifying_hazard, take

TOKEN = "d" * 64  # the digest of a token
FACTOR = SecondFactor("ma", "SECRET", NOW, NOW, recovery=("first", "second"))


@pytest.fixture
def office():
    return Office()


def ask_extension(office):
    hazard = rectifying_hazard(office, category="FF-01")
    return take(office, zhao, hazard, RequestExtension, due_at=later(days=20), reason="配件未到")


def propose_major(office):
    return take(office, li, accepted_hazard(office), ProposeMajor, basis="合用场所住人")


def create(office, hazard, kind="request_extension", username="ma", digest=TOKEN, now=NOW):
    return office.do(create_decision_links, [WantedLink(kind, hazard.id, username, digest)], now)


def decide(office, hazard, now=NOW, code=None, profile=STANDARD, **facts):
    step = DecideExtension(id=facts.pop("id", new_id()), version=hazard.version, granted=True, **facts)
    return office.do(decide_by_link, TOKEN, step, code, now, profile).hazard


def why_inactive(office, now=NOW):
    with pytest.raises(InactiveDecisionLink) as refused:
        load_decision(office, TOKEN, now, STANDARD)
    return refused.value.code


# creation ---------------------------------------------------------------------------------------------------------


def test_a_link_is_for_the_version_of_the_hazard_that_its_notice_was_sent_with(office):
    hazard = ask_extension(office)
    assert create(office, hazard, now=later(hours=9)) == {TOKEN}
    link = office.get(DecisionLink, TOKEN)
    assert (link.username, link.step, link.version) == ("ma", "decide_extension", hazard.version)
    assert link.expires_at == later(hours=9) + LIFETIME


@pytest.mark.parametrize("username", ["li", "zhao", "nobody"])
def test_who_may_not_decide_gets_no_link(office, username):
    assert create(office, ask_extension(office), username=username) == set()
    assert office.all(DecisionLink) == []


def test_a_supervisor_of_another_community_gets_no_link(office):
    office.keep(person("hu", Role.SUPERVISOR, scope="330402009025"))
    assert create(office, ask_extension(office), username="hu") == set()


def test_a_request_that_was_decided_before_its_notice_was_sent_gets_no_link(office):
    hazard = ask_extension(office)
    take(office, ma, hazard, DecideExtension, granted=False, reason="先断电")
    assert create(office, hazard) == set()
    assert create(office, propose_major(office), kind="request_extension") == set()
    assert create(office, replace(hazard, id=new_id())) == set()


# what it shows ----------------------------------------------------------------------------------------------------


def test_a_link_shows_its_request(office):
    hazard = ask_extension(office)
    create(office, hazard)
    case = load_decision(office, TOKEN, later(hours=1), STANDARD)
    assert (case.person.username, case.request.reason, case.request.new_due_at) == ("ma", "配件未到", later(days=20))
    assert (case.factor, {each.mention.hazard for each in case.photos}) == (None, {hazard.id})


def test_a_link_shows_a_proposal(office):
    create(office, propose_major(office), "propose_major")
    case = load_decision(office, TOKEN, NOW, STANDARD)
    assert (case.request.kind, case.request.by, case.request.reason) == ("major", "li", "合用场所住人")


def test_an_unknown_link_shows_nothing(office):
    with pytest.raises(NotFound):
        load_decision(office, TOKEN, NOW, STANDARD)


def test_what_a_sign_in_would_refuse_is_refused_here_too(office):
    create(office, ask_extension(office))
    with pytest.raises(ExpiredPassword):
        load_decision(office, TOKEN, NOW, STRICT)
    office.keep(replace(ma, password_at=NOW))
    with pytest.raises(MissingSecondFactor):
        load_decision(office, TOKEN, NOW, STRICT)
    office.keep(replace(FACTOR, confirmed_at=None))
    assert load_decision(office, TOKEN, NOW, STANDARD).factor is None
    office.keep(FACTOR)
    assert load_decision(office, TOKEN, NOW, STRICT).factor == FACTOR


# the decision -----------------------------------------------------------------------------------------------------


def test_a_link_decides_once_in_the_name_of_its_person(office):
    hazard = ask_extension(office)
    create(office, hazard)
    after = decide(office, hazard, later(hours=1))
    assert (after.due_at, after.times_extended, after.extension) == (later(days=20), 1, None)
    line = office.history(hazard.id)[-1]
    assert (line.step, line.by, line.acting_for) == ("decide_extension", "ma", None)
    assert history_defects(office) == []
    assert office.get(DecisionLink, TOKEN).used_at == later(hours=1)
    assert why_inactive(office) == "link.used"
    with pytest.raises(InactiveDecisionLink):
        decide(office, after)


def test_a_repetition_gets_the_same_answer(office):
    hazard, step_id = ask_extension(office), new_id()
    create(office, hazard)
    assert decide(office, hazard, id=step_id) == decide(office, hazard, later(minutes=1), id=step_id)
    assert office.hazard(hazard.id).times_extended == 1


def test_the_id_of_another_step_is_not_taken(office):
    hazard = ask_extension(office)
    create(office, hazard)
    with pytest.raises(IdOwnerConflict):
        decide(office, hazard, id=office.history(hazard.id)[0].id)


def test_a_link_takes_no_other_step(office):
    hazard = ask_extension(office)
    create(office, hazard)
    other = ConfirmMajor(id=new_id(), version=hazard.version, confirmed=False, reason="依据不足")
    with pytest.raises(InactiveDecisionLink):
        office.do(decide_by_link, TOKEN, other, None, NOW, STANDARD)


def test_what_the_step_needs_is_needed_here_too(office):
    hazard = propose_major(office)
    create(office, hazard, "propose_major")
    step = ConfirmMajor(id=new_id(), version=hazard.version)
    with pytest.raises(InvalidInput):
        office.do(decide_by_link, TOKEN, step, None, NOW, STANDARD)
    assert office.get(DecisionLink, TOKEN).used_at is None


def test_a_second_factor_is_asked_for_and_its_code_is_consumed(office):
    hazard = ask_extension(office)
    create(office, hazard)
    office.keep(FACTOR)
    with pytest.raises(MissingTotpCode):
        decide(office, hazard)
    with pytest.raises(InvalidCredentials):
        decide(office, hazard, code=SubmittedCode(None, "wrong"))
    assert decide(office, hazard, code=SubmittedCode(None, "first")).times_extended == 1
    assert office.get(SecondFactor, "ma").recovery == ("second",)


def test_a_link_that_a_reset_deletes_meanwhile_decides_nothing(office):
    hazard = ask_extension(office)
    create(office, hazard)
    office.lock_person = lambda _: office.records.pop((DecisionLink, TOKEN))
    step = DecideExtension(id=new_id(), version=hazard.version, granted=True)
    with pytest.raises(NotFound):
        decide_by_link(office, TOKEN, step, None, NOW, STANDARD)


# the end ----------------------------------------------------------------------------------------------------------


def test_it_ends_after_three_days(office):
    create(office, ask_extension(office))
    load_decision(office, TOKEN, NOW + LIFETIME - timedelta(seconds=1), STANDARD)
    assert why_inactive(office, NOW + LIFETIME) == "link.expired"


def test_it_ends_with_any_step_on_the_hazard(office):
    hazard = ask_extension(office)
    create(office, hazard)
    take(office, li, hazard, Note, note="配件已到货")
    assert why_inactive(office) == "link.ended"
    with pytest.raises(InactiveDecisionLink):
        decide(office, hazard)


def test_a_photo_ends_it_too(office):
    hazard = ask_extension(office)
    create(office, hazard)
    take(office, li, hazard, Attach, photos=(photo_declaration("c"),))
    assert why_inactive(office) == "link.ended"


def test_it_ends_with_the_role_and_with_the_account(office):
    create(office, ask_extension(office))
    for after in (person("ma", Role.OFFICER), replace(ma, active=False), person("ma", Role.SUPERVISOR, scope="3301")):
        office.keep(after)
        assert why_inactive(office) == "link.revoked"
    office.keep(person("ma", Role.SUPERVISOR, scope=HERE.code))
    load_decision(office, TOKEN, NOW, STANDARD)


def test_requests_are_counted_by_link_and_by_address(office):
    assert office.do(count_decision_request, TOKEN, "10.0.0.1", NOW) is None
    create(office, ask_extension(office))
    for _ in range(PER_LINK):
        assert office.do(count_decision_request, TOKEN, "10.0.0.2", NOW).username == "ma"
    with pytest.raises(TooManyRequests):
        office.do(count_decision_request, TOKEN, "10.0.0.3", NOW)


def test_expired_links_are_deleted_after_a_month(office):
    create(office, ask_extension(office))
    assert office.do(delete_expired_links, NOW + LIFETIME + KEPT_AFTER_EXPIRY, 10) == 0
    assert office.do(delete_expired_links, NOW + LIFETIME + KEPT_AFTER_EXPIRY + timedelta(seconds=1), 10) == 1
    assert office.all(DecisionLink) == []
