"""A link lets the party fix once, and nothing else."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Grant, Role, by_link
from inspections.accounts.throttling import PER_ADDRESS, PER_LINK, TRIES_KEPT, WINDOW, Tally
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    LinkOver,
    Missing,
    PhotosMissing,
    Stale,
    TooMany,
    WrongState,
)
from inspections.fix_links.actions import (
    fix_by_link,
    forget_tallies,
    knock,
    links_of,
    make_link,
    noticed,
    revoke_link,
    standing,
)
from inspections.fix_links.links import LEAST, PAST_DUE, SENDS, NewLink
from inspections.hazards.history import ERASED
from inspections.hazards.records import Party, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing
from inspections.photos.records import Stage
from inspections.privacy.actions import Erasure, erase
from inspections.remediation.steps import Assign, Attach, Cancel, Recheck, SubmitFix, Suspend
from tests.builders.histories import broken
from tests.builders.links import SHOP, TOKEN
from tests.builders.office import (
    HERE,
    NOW,
    Office,
    later,
    li,
    ma,
    mention,
    new_id,
    person,
    photo,
    qian,
    wang,
    zhao,
)
from tests.builders.reports import reported
from tests.builders.steps import accepted, take


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def hazard(office):
    office.do(receive_photos, wang, [photo("a")], NOW)
    return take(office, li, accepted(office, responsible_party=SHOP), Assign, lead="zhao")


@pytest.fixture
def link(office, hazard):
    return make(office, hazard)


def make(office, hazard, who=li, digest=TOKEN, now=NOW, **facts):
    return office.do(make_link, who, hazard.id, NewLink(**{"id": new_id(), **facts}), digest, now).link


def fix(office, hazard, digest=TOKEN, now=NOW, **facts):
    said = {"id": new_id(), "version": office.hazard(hazard.id).version, "method": "清理", "quantity_done": 1}
    photos = (mention("b", Stage.AFTER),)
    return office.do(fix_by_link, digest, SubmitFix(**{**said, "photos": photos, **facts}), now).hazard


def sends(office, link, *digits):
    office.do(receive_photos, link.sender, [photo(digit) for digit in digits], NOW)


def why(refused):
    return refused.value.code


def test_the_party_fixes_and_the_officer_who_made_the_link_rechecks(office, hazard, link):
    sends(office, link, "b")
    fixed = fix(office, hazard)
    assert (fixed.state, fixed.fixed_by, fixed.quantity_claimed) == (State.PENDING_RECHECK, SHOP.name, 1)
    made, line = office.history(hazard.id)[-2:]
    assert (made.step, made.by, made.id, made.version) == ("make_link", "li", link.id, hazard.version)
    assert (line.step, line.by, line.facts["on_behalf_of"]) == ("submit_fix", f"link:{link.id.hex}", SHOP.name)
    assert by_link(line.by)
    assert office.fix_links(hazard.id)[0].used_at == NOW
    closed = take(office, li, fixed, Recheck, result="pass", note="已清理")
    assert closed.state is State.CLOSED
    assert broken(office) == []


def test_an_account_that_is_the_party_does_not_recheck(office):
    office.keep(replace(wang, grants=(*wang.grants, Grant(Role.OFFICER, HERE.code))))
    hazard = take(office, li, accepted(office, responsible_party=Party("owner", "wang")), Assign, lead="zhao")
    link = make(office, hazard)
    sends(office, link, "b")
    fixed = fix(office, hazard)
    with pytest.raises(Forbidden) as refused:
        take(office, office.person("wang"), fixed, Recheck, result="pass", note="好")
    assert refused.value.code == "recheck.own_fix"


# making and revoking --------------------------------------------------------------------------------------------


def test_a_link_lives_a_week_past_the_deadline_within_bounds(office, hazard):
    assert make(office, hazard).expires_at == hazard.due_at + PAST_DUE
    assert make(office, hazard, digest="e" * 64, days=2).expires_at == later(days=2)
    late = hazard.due_at + timedelta(days=90)
    assert make(office, hazard, digest="f" * 64, now=late).expires_at == late + LEAST
    office.do(receive_photos, wang, [photo("a")], NOW)
    waiting = reported(office, responsible_party=SHOP)
    assert make(office, waiting, digest="1" * 64).expires_at == NOW + PAST_DUE


def test_the_same_link_again_is_the_same_and_another_is_refused(office, hazard):
    new = NewLink(new_id(), days=3, measures="清理楼道")
    first = office.do(make_link, li, hazard.id, new, TOKEN, NOW)
    again = office.do(make_link, li, hazard.id, new, "e" * 64, later(hours=1))
    assert (first.repeated, again.repeated, again.link) == (False, True, first.link)
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, hazard.id, replace(new, days=4), TOKEN, NOW)
    assert refused.value.facts["fields"] == ["days"]
    other = take(office, li, accepted(office, responsible_party=SHOP), Assign, lead="zhao")
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, other.id, new, TOKEN, NOW)
    assert refused.value.facts["fields"] == ["hazard"]
    step = office.history(hazard.id)[-2].id
    with pytest.raises(IdConflict) as refused:
        office.do(make_link, li, hazard.id, replace(new, id=step), TOKEN, NOW)
    assert refused.value.facts["fields"] == ["id"]
    with pytest.raises(IdTaken):
        office.do(make_link, li, hazard.id, replace(new, id=hazard.id), TOKEN, NOW)


def test_what_a_link_needs(office, hazard):
    nobody_s = take(office, li, accepted(office), Assign, lead="zhao")
    with pytest.raises(Invalid, match="责任主体"):
        make(office, nobody_s)
    with pytest.raises(Invalid, match="办结"):
        make(office, take(office, ma, hazard, Cancel, reason="误建"))


def test_who_makes_sees_and_revokes(office, hazard, link):
    for who, refusal in ((zhao, Forbidden), (wang, Forbidden), (ma, Forbidden), (qian, Missing)):
        with pytest.raises(refusal):
            make(office, hazard, who=who, digest="e" * 64)
    assert links_of(office, ma, hazard.id) == links_of(office, li, hazard.id) == [link]
    for who, refusal in ((zhao, Forbidden), (qian, Missing)):
        with pytest.raises(refusal):
            links_of(office, who, hazard.id)
        with pytest.raises(refusal):
            office.do(revoke_link, who, hazard.id, link.id, NOW)
    other = reported(office)
    for where, which in ((hazard, new_id()), (other, link.id)):
        with pytest.raises(Missing):
            office.do(revoke_link, li, where.id, which, NOW)


def test_a_revoked_link_is_over_and_stays_as_it_was_revoked(office, hazard, link):
    revoked = office.do(revoke_link, ma, hazard.id, link.id, NOW)
    assert office.do(revoke_link, li, hazard.id, link.id, later(hours=1)) == revoked
    assert [line.step for line in office.history(hazard.id)][-2:] == ["make_link", "revoke_link"]
    with pytest.raises(LinkOver) as refused:
        noticed(office, TOKEN, NOW)
    assert why(refused) == "link.revoked"


# using ----------------------------------------------------------------------------------------------------------


def test_the_same_fix_again_is_answered_and_another_is_too_late(office, hazard, link):
    sends(office, link, "b")
    step = SubmitFix(
        id=new_id(), version=hazard.version, method="清理", quantity_done=1, photos=(mention("b", Stage.AFTER),)
    )
    first = office.do(fix_by_link, TOKEN, step, NOW)
    assert office.do(fix_by_link, TOKEN, step, later(days=99)).hazard == first.hazard
    with pytest.raises(IdConflict):
        office.do(fix_by_link, TOKEN, replace(step, method="搬走"), NOW)
    with pytest.raises(LinkOver) as refused:
        office.do(fix_by_link, TOKEN, replace(step, id=new_id()), NOW)
    assert why(refused) == "link.used"


def test_the_same_fix_again_is_answered_also_when_its_words_were_erased(office, hazard, link):
    wu = person("wu", Role.ADMIN)
    sends(office, link, "b")
    photos = (mention("b", Stage.AFTER),)
    step = SubmitFix(id=new_id(), version=hazard.version, method="清理", quantity_done=1, photos=photos)
    office.do(fix_by_link, TOKEN, step, NOW)
    office.do(erase, wu, hazard.id, Erasure(new_id(), ("on_behalf_of", "method", "responsible_party"), "申请"), NOW)
    assert office.do(fix_by_link, TOKEN, step, NOW).hazard.fixed_by == ERASED
    assert broken(office) == []


def test_a_failed_recheck_does_not_bring_a_link_back(office, hazard, link):
    sends(office, link, "b")
    failed = take(office, li, fix(office, hazard), Recheck, result="fail", reason="仍有堆物", due_at=later(days=3))
    with pytest.raises(LinkOver) as refused:
        fix(office, failed)
    assert why(refused) == "link.used"
    second = make(office, failed, digest="e" * 64)
    sends(office, second, "b")
    assert fix(office, failed, digest="e" * 64).state is State.PENDING_RECHECK


def test_a_link_is_for_the_party_it_was_made_for(office, hazard, link):
    take(office, li, hazard, Assign, lead="zhao")
    assert standing(office, TOKEN, NOW) == link
    take(office, li, office.hazard(hazard.id), Assign, lead="zhao", responsible_party=Party("owner", "某业主"))
    with pytest.raises(LinkOver) as refused:
        standing(office, TOKEN, NOW)
    assert why(refused) == "link.revoked"


def test_a_link_expires_and_ends_with_its_hazard(office, hazard, link):
    with pytest.raises(LinkOver) as refused:
        fix(office, hazard, now=link.expires_at)
    assert why(refused) == "link.expired"
    take(office, ma, hazard, Cancel, reason="误建")
    with pytest.raises(LinkOver) as refused:
        fix(office, hazard)
    assert why(refused) == "link.ended"


def test_what_a_fix_by_link_needs(office, hazard, link):
    sends(office, link, "b")
    for refused, facts in (
        (Stale, {"version": hazard.version + 1}),
        (Invalid, {"on_behalf_of": "别人"}),
        (Invalid, {"photos": ()}),
        (Invalid, {"photos": (mention("b", Stage.AFTER), mention("b", Stage.BEFORE))}),
        (Invalid, {"quantity_done": 99}),
        (PhotosMissing, {"photos": (mention("c", Stage.AFTER),)}),
        (IdTaken, {"id": hazard.id}),
    ):
        with pytest.raises(refused):
            fix(office, hazard, **facts)
    take(office, ma, hazard, Suspend, reason="停工", measures="断电", review_at=later(days=9))
    with pytest.raises(WrongState):
        fix(office, hazard)
    assert office.fix_links(hazard.id)[0].used_at is None
    with pytest.raises(Missing):
        fix(office, hazard, digest="0" * 64)


@pytest.mark.usefixtures("link")
def test_a_digest_is_no_key_for_a_link(office, hazard):
    """Neither the photo of another hazard, nor its own hazard's, nor what another link has sent."""
    other = make(
        office, take(office, li, accepted(office, responsible_party=SHOP), Assign, lead="zhao"), digest="e" * 64
    )
    office.do(receive_photos, wang, [photo("c")], NOW)
    reported(office, photos=(mention("c"),))
    sends(office, other, "f")
    for digit in ("a", "c", "f"):
        with pytest.raises(PhotosMissing):
            fix(office, hazard, photos=(mention(digit, Stage.AFTER),))
    assert missing(office.shown([hazard.id])) == []


# the notice -----------------------------------------------------------------------------------------------------


def test_a_notice_shows_how_it_was_found_and_nothing_that_came_after(office, hazard):
    link = make(office, hazard, measures="清理楼道")
    for digit, stage in (("b", Stage.AFTER), ("c", Stage.RECHECK), ("a", Stage.BEFORE), ("f", Stage.BEFORE)):
        if digit != "f":
            office.do(receive_photos, zhao, [photo(digit)], NOW)
        take(office, zhao, office.hazard(hazard.id), Attach, photos=(mention(digit, stage),))
    notice = noticed(office, TOKEN, NOW)
    assert (notice.link, notice.hazard) == (link, office.hazard(hazard.id))
    assert [each.mention.sha256 for each in notice.before] == ["a" * 64]
    assert notice.line.facts["measures"] == "清理楼道"
    with pytest.raises(Missing):
        noticed(office, "0" * 64, NOW)


# knocking -------------------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_counted(office, link):
    for counts in ("opened", "opened", "sent", None):
        assert office.do(knock, TOKEN, "10.0.0.1", NOW, counts).id == link.id
    assert [(each.opened, each.sent) for each in office.fix_links(link.hazard)] == [(2, 1)]
    assert office.do(knock, "0" * 64, "10.0.0.1", NOW, "opened") is None
    assert {tally.key: tally.count for tally in office.all(Tally)} == {"address 10.0.0.1": 5, f"link {link.id}": 4}


@pytest.mark.usefixtures("link")
def test_who_knocks_too_often_is_told_when_to_come_again(office):
    for at in range(PER_LINK):
        office.do(knock, TOKEN, f"10.0.0.{at}", NOW, None)
    with pytest.raises(TooMany) as refused:
        office.do(knock, TOKEN, "10.0.1.1", later(minutes=4), None)
    assert refused.value.facts == {"retry_after": 361}
    office.do(knock, TOKEN, "10.0.1.1", NOW + WINDOW, None)
    office.keep(Tally("address 10.0.1.1", NOW, PER_ADDRESS))
    with pytest.raises(TooMany):
        office.do(knock, "0" * 64, "10.0.1.1", NOW, None)
    assert office.do(knock, "0" * 64, "10.0.1.1", later(hours=-1), None) is None  # a clock that was set back


def test_a_link_takes_so_many_photos_and_no_more(office, link):
    office.keep(replace(link, sent=SENDS))
    assert office.do(knock, TOKEN, "10.0.0.1", NOW, "opened")
    with pytest.raises(TooMany, match="街道"):
        office.do(knock, TOKEN, "10.0.0.1", NOW, "sent")


@pytest.mark.usefixtures("link")
def test_addresses_are_forgotten(office):
    office.do(knock, TOKEN, "10.0.0.1", NOW, None)
    assert office.do(forget_tallies, NOW + TRIES_KEPT, 10) == 0
    assert office.do(forget_tallies, later(minutes=61), 10) == 2
    assert office.all(Tally) == []
