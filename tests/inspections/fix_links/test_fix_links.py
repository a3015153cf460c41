"""Fix links: a link lets the responsible party submit one fix, and gives no other access."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Grant, Role, is_link_username
from inspections.accounts.throttling import ATTEMPT_RETENTION, PER_ADDRESS, PER_LINK, WINDOW, AttemptCounter
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdOwnerConflict,
    InactiveLink,
    InvalidInput,
    MissingPhotos,
    NotFound,
    TooManyRequests,
    VersionConflict,
    WrongState,
)
from inspections.fix_links.actions.party_links import (
    CaseProgress,
    PartyNotice,
    count_link_request,
    delete_expired_counters,
    evaluate_by_link,
    get_valid_link,
    hazard_links,
    load_party_case,
    load_party_notice,
    make_link,
    revoke_link,
    submit_fix_by_link,
)
from inspections.fix_links.links import LIFETIME_AFTER_DUE, MAX_SUBMISSIONS, MIN_LIFETIME, NewLink
from inspections.hazards.history import ERASED_TEXT
from inspections.hazards.records import Party, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing_digests
from inspections.photos.records import Stage
from inspections.privacy.actions import Erasure, erase_hazard_texts
from inspections.remediation.actions.decisions import LateEvaluation
from inspections.remediation.steps import Assign, Attach, Cancel, Evaluate, Note, Recheck, Reopen, SubmitFix, Suspend
from tests.builders.fix_links import SHOP, TOKEN
from tests.builders.histories import history_defects
from tests.builders.office import (
    HERE,
    NOW,
    Office,
    later,
    li,
    ma,
    new_id,
    person,
    photo,
    photo_declaration,
    qian,
    wang,
    zhao,
)
from tests.builders.reports import report_new_hazard
from tests.builders.steps import accepted_hazard, take


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def hazard(office):
    office.do(receive_photos, wang, [photo("a")], NOW)
    return take(office, li, accepted_hazard(office, responsible_party=SHOP), Assign, lead="zhao")


@pytest.fixture
def link(office, hazard):
    return make(office, hazard)


def make(office, hazard, who=li, digest=TOKEN, now=NOW, **facts):
    return office.do(make_link, who, hazard.id, NewLink(**{"id": new_id(), **facts}), digest, now).link


def fix(office, hazard, digest=TOKEN, now=NOW, **facts):
    fields = {"id": new_id(), "version": office.hazard(hazard.id).version, "method": "清理", "quantity_done": 1}
    photos = (photo_declaration("b", Stage.AFTER),)
    return office.do(submit_fix_by_link, digest, SubmitFix(**{**fields, "photos": photos, **facts}), now).hazard


def send_photos(office, link, *digits):
    office.do(receive_photos, link.sender, [photo(digit) for digit in digits], NOW)


def refusal_code(refused):
    return refused.value.code


def test_the_party_fixes_and_the_officer_who_made_the_link_rechecks(office, hazard, link):
    send_photos(office, link, "b")
    fixed = fix(office, hazard)
    assert (fixed.state, fixed.fixed_by, fixed.quantity_claimed) == (State.PENDING_RECHECK, SHOP.name, 1)
    made, line = office.history(hazard.id)[-2:]
    assert (made.step, made.by, made.id, made.version) == ("make_link", "li", link.id, hazard.version)
    assert (line.step, line.by, line.facts["on_behalf_of"]) == ("submit_fix", f"link:{link.id.hex}", SHOP.name)
    assert is_link_username(line.by)
    assert office.fix_links(hazard.id)[0].used_at == NOW
    closed = take(office, li, fixed, Recheck, result="pass", note="已清理")
    assert closed.state is State.CLOSED
    assert history_defects(office) == []


def test_an_account_that_is_the_party_does_not_recheck(office):
    office.keep(replace(wang, grants=(*wang.grants, Grant(Role.OFFICER, HERE.code))))
    hazard = take(office, li, accepted_hazard(office, responsible_party=Party("owner", "wang")), Assign, lead="zhao")
    link = make(office, hazard)
    send_photos(office, link, "b")
    fixed = fix(office, hazard)
    with pytest.raises(Forbidden) as refused:
        take(office, office.person("wang"), fixed, Recheck, result="pass", note="好")
    assert refused.value.code == "recheck.own_fix"


# making and revoking --------------------------------------------------------------------------------------------


def test_a_link_expires_a_week_after_the_deadline_within_bounds(office, hazard):
    assert make(office, hazard).expires_at == hazard.due_at + LIFETIME_AFTER_DUE
    assert make(office, hazard, digest="e" * 64, days=2).expires_at == later(days=2)
    late = hazard.due_at + timedelta(days=90)
    assert make(office, hazard, digest="f" * 64, now=late).expires_at == late + MIN_LIFETIME
    office.do(receive_photos, wang, [photo("a")], NOW)
    waiting = report_new_hazard(office, responsible_party=SHOP)
    assert make(office, waiting, digest="1" * 64).expires_at == NOW + LIFETIME_AFTER_DUE


def test_a_retried_link_is_the_same_and_a_different_one_is_refused(office, hazard):
    new = NewLink(new_id(), days=3, measures="清理楼道")
    first = office.do(make_link, li, hazard.id, new, TOKEN, NOW)
    again = office.do(make_link, li, hazard.id, new, "e" * 64, later(hours=1))
    assert (first.repeated, again.repeated, again.link) == (False, True, first.link)
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, hazard.id, replace(new, days=4), TOKEN, NOW)
    assert refused.value.facts["fields"] == ["days"]
    other = take(office, li, accepted_hazard(office, responsible_party=SHOP), Assign, lead="zhao")
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, other.id, new, TOKEN, NOW)
    assert refused.value.facts["fields"] == ["hazard"]
    step = office.history(hazard.id)[-2].id
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, hazard.id, replace(new, id=step), TOKEN, NOW)
    assert refused.value.facts["fields"] == ["id"]
    with pytest.raises(IdOwnerConflict):
        office.do(make_link, li, hazard.id, replace(new, id=hazard.id), TOKEN, NOW)


def test_a_link_needs_a_responsible_party_and_an_open_hazard(office, hazard):
    nobody_s = take(office, li, accepted_hazard(office), Assign, lead="zhao")
    with pytest.raises(InvalidInput, match="责任主体"):
        make(office, nobody_s)
    with pytest.raises(InvalidInput, match="办结"):
        make(office, take(office, ma, hazard, Cancel, reason="误建"))


def test_only_officers_of_the_place_make_see_and_revoke_links(office, hazard, link):
    for who, refusal in ((zhao, Forbidden), (wang, Forbidden), (ma, Forbidden), (qian, NotFound)):
        with pytest.raises(refusal):
            make(office, hazard, who=who, digest="e" * 64)
    assert hazard_links(office, ma, hazard.id) == hazard_links(office, li, hazard.id) == [link]
    for who, refusal in ((zhao, Forbidden), (qian, NotFound)):
        with pytest.raises(refusal):
            hazard_links(office, who, hazard.id)
        with pytest.raises(refusal):
            office.do(revoke_link, who, hazard.id, link.id, NOW)
    other = report_new_hazard(office)
    for where, which in ((hazard, new_id()), (other, link.id)):
        with pytest.raises(NotFound):
            office.do(revoke_link, li, where.id, which, NOW)


def test_a_revoked_link_stays_revoked(office, hazard, link):
    revoked = office.do(revoke_link, ma, hazard.id, link.id, NOW)
    assert office.do(revoke_link, li, hazard.id, link.id, later(hours=1)) == revoked
    assert [line.step for line in office.history(hazard.id)][-2:] == ["make_link", "revoke_link"]
    with pytest.raises(InactiveLink) as refused:
        load_party_notice(office, TOKEN, NOW)
    assert refusal_code(refused) == "link.revoked"


# using ----------------------------------------------------------------------------------------------------------


def test_a_retried_fix_is_answered_and_another_fix_is_refused(office, hazard, link):
    send_photos(office, link, "b")
    step = SubmitFix(
        id=new_id(),
        version=hazard.version,
        method="清理",
        quantity_done=1,
        photos=(photo_declaration("b", Stage.AFTER),),
    )
    first = office.do(submit_fix_by_link, TOKEN, step, NOW)
    assert office.do(submit_fix_by_link, TOKEN, step, later(days=99)).hazard == first.hazard
    with pytest.raises(IdConflict):
        office.do(submit_fix_by_link, TOKEN, replace(step, method="搬走"), NOW)
    with pytest.raises(InactiveLink) as refused:
        office.do(submit_fix_by_link, TOKEN, replace(step, id=new_id()), NOW)
    assert refusal_code(refused) == "link.used"


def test_a_retried_fix_is_answered_even_after_its_text_was_erased(office, hazard, link):
    wu = person("wu", Role.ADMIN)
    send_photos(office, link, "b")
    photos = (photo_declaration("b", Stage.AFTER),)
    step = SubmitFix(id=new_id(), version=hazard.version, method="清理", quantity_done=1, photos=photos)
    office.do(submit_fix_by_link, TOKEN, step, NOW)
    office.do(
        erase_hazard_texts,
        wu,
        hazard.id,
        Erasure(new_id(), ("on_behalf_of", "method", "responsible_party"), "申请"),
        NOW,
    )
    assert office.do(submit_fix_by_link, TOKEN, step, NOW).hazard.fixed_by == ERASED_TEXT
    assert history_defects(office) == []


def test_a_failed_recheck_does_not_reactivate_a_link(office, hazard, link):
    send_photos(office, link, "b")
    failed = take(office, li, fix(office, hazard), Recheck, result="fail", reason="仍有堆物", due_at=later(days=3))
    with pytest.raises(InactiveLink) as refused:
        fix(office, failed)
    assert refusal_code(refused) == "link.used"
    second = make(office, failed, digest="e" * 64)
    send_photos(office, second, "b")
    assert fix(office, failed, digest="e" * 64).state is State.PENDING_RECHECK


def test_a_link_is_valid_only_for_its_party(office, hazard, link):
    take(office, li, hazard, Assign, lead="zhao")
    assert get_valid_link(office, TOKEN, NOW) == link
    take(office, li, office.hazard(hazard.id), Assign, lead="zhao", responsible_party=Party("owner", "某业主"))
    with pytest.raises(InactiveLink) as refused:
        get_valid_link(office, TOKEN, NOW)
    assert refusal_code(refused) == "link.revoked"


def test_a_link_expires_and_ends_with_its_hazard(office, hazard, link):
    with pytest.raises(InactiveLink) as refused:
        fix(office, hazard, now=link.expires_at)
    assert refusal_code(refused) == "link.expired"
    take(office, ma, hazard, Cancel, reason="误建")
    with pytest.raises(InactiveLink) as refused:
        fix(office, hazard)
    assert refusal_code(refused) == "link.ended"


def test_an_invalid_fix_by_link_is_refused(office, hazard, link):
    send_photos(office, link, "b")
    for refused, facts in (
        (VersionConflict, {"version": hazard.version + 1}),
        (InvalidInput, {"on_behalf_of": "别人"}),
        (InvalidInput, {"photos": ()}),
        (InvalidInput, {"photos": (photo_declaration("b", Stage.AFTER), photo_declaration("b", Stage.BEFORE))}),
        (InvalidInput, {"quantity_done": 99}),
        (MissingPhotos, {"photos": (photo_declaration("c", Stage.AFTER),)}),
        (IdOwnerConflict, {"id": hazard.id}),
    ):
        with pytest.raises(refused):
            fix(office, hazard, **facts)
    take(office, ma, hazard, Suspend, reason="停工", measures="断电", review_at=later(days=9))
    with pytest.raises(WrongState):
        fix(office, hazard)
    assert office.fix_links(hazard.id)[0].used_at is None
    with pytest.raises(NotFound):
        fix(office, hazard, digest="0" * 64)


@pytest.mark.usefixtures("link")
def test_a_fix_by_link_cannot_use_photos_that_others_sent(office, hazard):
    """A fix by link accepts no photo of this or another hazard and none that another link has sent."""
    other = make(
        office, take(office, li, accepted_hazard(office, responsible_party=SHOP), Assign, lead="zhao"), digest="e" * 64
    )
    office.do(receive_photos, wang, [photo("c")], NOW)
    report_new_hazard(office, photos=(photo_declaration("c"),))
    send_photos(office, other, "f")
    for digit in ("a", "c", "f"):
        with pytest.raises(MissingPhotos):
            fix(office, hazard, photos=(photo_declaration(digit, Stage.AFTER),))
    assert missing_digests(office.declared_photos([hazard.id])) == []


# progress and evaluation ----------------------------------------------------------------------------------------


def close_by_link(office, hazard, link):
    """Closes the hazard by a fix that the link sends."""
    send_photos(office, link, "b")
    return take(office, li, fix(office, hazard), Recheck, result="pass", note="已清理")


def evaluate(office, hazard, score=5, digest=TOKEN, now=NOW, **facts):
    step = Evaluate(**{"id": new_id(), "version": office.hazard(hazard.id).version, "score": score, **facts})
    return office.do(evaluate_by_link, digest, step, now).hazard


def progress(office, digest=TOKEN, now=NOW):
    """Returns what the link shows: the state of its case, whether it may evaluate, and whether it has."""
    found = load_party_case(office, digest, now)
    assert isinstance(found, CaseProgress)
    return found.hazard.state, found.may_evaluate, found.evaluated


def test_a_used_link_shows_the_progress_and_takes_one_evaluation_of_the_closing(office, hazard, link):
    assert isinstance(load_party_case(office, TOKEN, NOW), PartyNotice)
    with pytest.raises(WrongState):
        evaluate(office, hazard)
    send_photos(office, link, "b")
    fixed = fix(office, hazard)
    assert progress(office) == (State.PENDING_RECHECK, False, False)
    with pytest.raises(WrongState):
        evaluate(office, hazard)
    take(office, li, fixed, Recheck, result="pass", note="已清理")
    assert progress(office) == (State.CLOSED, True, False)
    found = evaluate(office, hazard, score=2, words="来得太晚").evaluation
    assert (found.by, found.score, found.words) == (link.sender.username, 2, "来得太晚")
    assert progress(office) == (State.CLOSED, False, True)
    with pytest.raises(WrongState):
        evaluate(office, hazard)
    assert history_defects(office) == []


def test_a_retried_evaluation_is_answered_and_another_one_is_refused(office, hazard, link):
    closed = close_by_link(office, hazard, link)
    step = Evaluate(id=new_id(), version=closed.version, score=5)
    first = office.do(evaluate_by_link, TOKEN, step, NOW).hazard
    assert office.do(evaluate_by_link, TOKEN, step, later(days=99)).hazard == first
    with pytest.raises(IdConflict):
        office.do(evaluate_by_link, TOKEN, replace(step, score=1), NOW)
    with pytest.raises(IdOwnerConflict):
        evaluate(office, hazard, id=hazard.id)


def test_the_reporter_s_evaluation_is_the_only_one_of_the_closing(office, hazard, link):
    closed = close_by_link(office, hazard, link)
    take(office, wang, closed, Evaluate, score=5)
    assert progress(office) == (State.CLOSED, False, False)
    with pytest.raises(WrongState):
        evaluate(office, hazard)


@pytest.mark.parametrize("days", [1, 60])
def test_a_link_evaluates_until_thirty_days_after_the_closing_also_past_its_own_end(office, hazard, days):
    link = make(office, hazard, days=days)
    closed = close_by_link(office, hazard, link)
    last, late = closed.closed_at + timedelta(days=30), closed.closed_at + timedelta(days=31)
    assert progress(office, now=last) == (State.CLOSED, True, False)
    if days == 60:
        assert progress(office, now=late) == (State.CLOSED, False, False)
        with pytest.raises(LateEvaluation):
            evaluate(office, hazard, now=late)
    ended = max(link.expires_at, late)
    for act in (load_party_case, lambda *_: evaluate(office, hazard, now=ended)):
        with pytest.raises(InactiveLink) as refused:
            act(office, TOKEN, ended)
        assert refusal_code(refused) == "link.expired"
    office.do(revoke_link, li, hazard.id, link.id, NOW)
    with pytest.raises(InactiveLink) as refused:
        load_party_case(office, TOKEN, last)
    assert refusal_code(refused) == "link.revoked"


def test_a_link_that_has_sent_its_fix_shows_the_case_until_the_re_check_however_long_that_takes(office, hazard):
    link = make(office, hazard, days=1)
    send_photos(office, link, "b")
    fix(office, hazard)
    assert progress(office, now=link.expires_at + timedelta(days=9)) == (State.PENDING_RECHECK, False, False)


def test_a_used_link_can_be_revoked(office, hazard, link):
    closed = close_by_link(office, hazard, link)
    assert office.do(revoke_link, li, closed.id, link.id, NOW).revoked_at == NOW
    for act in (load_party_case, lambda *_: evaluate(office, hazard)):
        with pytest.raises(InactiveLink) as refused:
            act(office, TOKEN, NOW)
        assert refusal_code(refused) == "link.revoked"


def test_a_link_whose_case_somebody_else_fixed_evaluates_and_submits_nothing(office, hazard):
    second = make(office, hazard, digest="e" * 64)
    link = make(office, hazard)
    close_by_link(office, hazard, link)
    assert progress(office, digest="e" * 64) == (State.CLOSED, True, False)
    send_photos(office, second, "c")
    with pytest.raises(InactiveLink) as refused:
        fix(office, hazard, digest="e" * 64, photos=(photo_declaration("c", Stage.AFTER),))
    assert refusal_code(refused) == "link.ended"
    assert evaluate(office, hazard, digest="e" * 64).evaluation.by == second.sender.username


def test_the_link_of_a_reopened_case_shows_its_state_and_evaluates_the_next_closing(office, hazard, link):
    closed = close_by_link(office, hazard, link)
    evaluate(office, closed, score=1)
    opened = take(office, ma, office.hazard(hazard.id), Reopen, reason="复发", due_at=later(days=5))
    assert progress(office) == (State.ACCEPTED, False, False)
    with pytest.raises(InactiveLink) as refused:
        fix(office, opened)
    assert refusal_code(refused) == "link.used"
    second = make(office, take(office, li, opened, Assign, lead="zhao"), digest="e" * 64)
    send_photos(office, second, "c")
    fixed = fix(office, opened, digest="e" * 64, photos=(photo_declaration("c", Stage.AFTER),))
    take(office, li, fixed, Recheck, result="pass", note="已清理")
    assert evaluate(office, opened, score=5).evaluation.score == 5
    assert progress(office, digest="e" * 64) == (State.CLOSED, False, False)


def test_a_used_link_shows_a_cancellation_and_an_unused_one_shows_nothing(office, hazard, link):
    make(office, hazard, digest="e" * 64)
    send_photos(office, link, "b")
    take(office, ma, fix(office, hazard), Cancel, reason="误建")
    assert progress(office) == (State.CANCELLED, False, False)
    with pytest.raises(InactiveLink) as refused:
        load_party_case(office, "e" * 64, NOW)
    assert refusal_code(refused) == "link.ended"
    with pytest.raises(InactiveLink):
        evaluate(office, hazard, digest="e" * 64)


def test_an_evaluation_of_what_has_changed_since_is_refused(office, hazard, link):
    closed = close_by_link(office, hazard, link)
    take(office, li, closed, Note, note="已电话回访")
    with pytest.raises(VersionConflict):
        evaluate(office, hazard, version=closed.version)


# the notice -----------------------------------------------------------------------------------------------------


def test_a_notice_shows_the_hazard_as_found_and_no_later_photo(office, hazard):
    link = make(office, hazard, measures="清理楼道")
    for digit, stage in (("b", Stage.AFTER), ("c", Stage.RECHECK), ("a", Stage.BEFORE), ("f", Stage.BEFORE)):
        if digit != "f":
            office.do(receive_photos, zhao, [photo(digit)], NOW)
        take(office, zhao, office.hazard(hazard.id), Attach, photos=(photo_declaration(digit, stage),))
    notice = load_party_notice(office, TOKEN, NOW)
    assert (notice.link, notice.hazard) == (link, office.hazard(hazard.id))
    assert [each.mention.sha256 for each in notice.before] == ["a" * 64]
    assert notice.line.facts["measures"] == "清理楼道"
    with pytest.raises(NotFound):
        load_party_notice(office, "0" * 64, NOW)


# rate limits ----------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_kind_address_and_link(office, link):
    for counts in ("opened", "opened", "sent", None):
        assert office.do(count_link_request, TOKEN, "10.0.0.1", NOW, counts).id == link.id
    assert [(each.opened, each.sent) for each in office.fix_links(link.hazard)] == [(2, 1)]
    assert office.do(count_link_request, "0" * 64, "10.0.0.1", NOW, "opened") is None
    assert {tally.key: tally.count for tally in office.all(AttemptCounter)} == {
        "address 10.0.0.1": 5,
        f"link {link.id}": 4,
    }


@pytest.mark.usefixtures("link")
def test_too_many_requests_are_refused_with_a_retry_time(office):
    for at in range(PER_LINK):
        office.do(count_link_request, TOKEN, f"10.0.0.{at}", NOW, None)
    with pytest.raises(TooManyRequests) as refused:
        office.do(count_link_request, TOKEN, "10.0.1.1", later(minutes=4), None)
    assert refused.value.facts == {"retry_after": 361}
    office.do(count_link_request, TOKEN, "10.0.1.1", NOW + WINDOW, None)
    office.keep(AttemptCounter("address 10.0.1.1", NOW, PER_ADDRESS))
    with pytest.raises(TooManyRequests):
        office.do(count_link_request, "0" * 64, "10.0.1.1", NOW, None)
    assert (
        office.do(count_link_request, "0" * 64, "10.0.1.1", later(hours=-1), None) is None
    )  # a clock that was set back


def test_a_link_accepts_a_limited_number_of_photos(office, link):
    office.keep(replace(link, sent=MAX_SUBMISSIONS))
    assert office.do(count_link_request, TOKEN, "10.0.0.1", NOW, "opened")
    with pytest.raises(TooManyRequests, match="街道"):
        office.do(count_link_request, TOKEN, "10.0.0.1", NOW, "sent")


@pytest.mark.usefixtures("link")
def test_expired_counters_are_deleted(office):
    office.do(count_link_request, TOKEN, "10.0.0.1", NOW, None)
    assert office.do(delete_expired_counters, NOW + ATTEMPT_RETENTION, 10) == 0
    assert office.do(delete_expired_counters, later(minutes=61), 10) == 2
    assert office.all(AttemptCounter) == []
