"""Names elsewhere: linked by their owner, who shows who they are, to one account; they open a session while linked."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.external_identities import (
    Proof,
    link_identity,
    linked_account,
    take_identity,
    unlink_identity,
)
from inspections.accounts.actions.second_factor import begin_factor, confirm_factor
from inspections.accounts.actions.sessions import revoke, revoke_all
from inspections.accounts.actions.sign_in import Terms, change_password, open_session
from inspections.accounts.external_identities import Identity
from inspections.accounts.policy import Scope
from inspections.accounts.second_factor import SecondFactor, Shown
from inspections.accounts.sessions import Digests, Session
from inspections.errors import (
    ConfirmNeeded,
    Forbidden,
    IdentityTaken,
    Invalid,
    Missing,
    NotLinked,
    SignInFailed,
    Unauthenticated,
)
from tests.builders.office import HERE, NOW, THERE, Office, later, li, new_id, wang


def signed_in(office, who):
    made = new_id()
    office.do(open_session, who, made, "phone", Digests(f"access {who.username}", str(made)), NOW)
    return made


@pytest.fixture
def office():
    office = Office()
    for who in (wang, li):
        signed_in(office, who)
    link(office, wang, "wechat", "o-wang")
    return office


def link(office, who, provider, subject, now=NOW, **shown):
    proof = Proof(f"access {who.username}", **(shown or {"password": who.password}))
    return office.do(link_identity, Identity(provider, subject, who.username, now), proof)


def enrolled(office):
    office.do(begin_factor, wang, "SECRET", NOW)
    office.do(confirm_factor, "wang", Shown(100, "-"), ("first",), NOW)


def test_a_linked_name_is_its_owner_s_and_nobody_else_s(office):
    assert linked_account(office, "wechat", "o-wang") == (wang, Identity("wechat", "o-wang", "wang", NOW))
    link(office, wang, "wechat", "o-wang", later(minutes=1))
    assert office.all(Identity) == [Identity("wechat", "o-wang", "wang", NOW)]
    with pytest.raises(IdentityTaken):
        link(office, li, "wechat", "o-wang")
    for provider, subject in (("zwding", "o-wang"), ("wechat", "o-li")):
        with pytest.raises(NotLinked):
            linked_account(office, provider, subject)


def test_another_name_of_the_same_provider_takes_its_place(office):
    link(office, wang, "zwding", "123")
    link(office, wang, "wechat", "o-new")
    assert [(each.provider, each.subject) for each in office.identities("wang")] == [
        ("wechat", "o-new"),
        ("zwding", "123"),
    ]


def test_what_is_unlinked_or_of_an_account_that_ended_opens_nothing(office):
    office.keep(replace(wang, active=False))
    with pytest.raises(NotLinked):
        linked_account(office, "wechat", "o-wang")
    for _ in range(2):
        office.do(unlink_identity, "wang", "wechat")
    assert office.all(Identity) == []


def test_an_administrator_unlinks_within_their_scope(office):
    with pytest.raises(Missing):
        office.do(take_identity, Scope("wu", (THERE.code,), ()), "wang", "wechat")
    office.do(take_identity, Scope("wu", (HERE.code,), ()), "wang", "wechat")
    assert office.all(Identity) == []


def test_a_token_alone_links_nothing(office):
    with pytest.raises(ConfirmNeeded):
        link(office, wang, "zwding", "123", password=None)
    with pytest.raises(ConfirmNeeded):
        link(office, wang, "zwding", "123", password="the hash of the password before")
    with pytest.raises(ConfirmNeeded):
        link(office, wang, "zwding", "123", code=Shown(101, "-"))  # it has no second factor
    office.do(begin_factor, wang, "SECRET", NOW)
    with pytest.raises(ConfirmNeeded):
        link(office, wang, "zwding", "123", code=Shown(101, "-"))  # nor one that ever showed a code
    assert [each.provider for each in office.identities("wang")] == ["wechat"]


def test_a_code_of_the_second_factor_links_once(office):
    enrolled(office)
    link(office, wang, "zwding", "123", code=Shown(101, "-"))
    with pytest.raises(Invalid, match="验证码"):
        link(office, wang, "zwding", "456", code=Shown(101, "-"))
    link(office, wang, "zwding", "123", code=Shown(None, "first"))  # linked already, and the code is used all the same
    (factor,) = office.all(SecondFactor)
    assert (factor.last_step, factor.recovery) == (101, ())


def test_who_was_signed_out_meanwhile_links_nothing():
    for ends in (
        lambda office, phone: office.do(revoke, "wang", phone, NOW),
        lambda office, _: office.do(revoke_all, "wang", NOW),
        lambda office, _: office.do(change_password, wang, "nobody's", "new hash", NOW),
        lambda office, _: office.keep(replace(wang, active=False)),
    ):
        office = Office()
        ends(office, signed_in(office, wang))
        with pytest.raises(Unauthenticated):
            link(office, wang, "wechat", "o-wang")


def test_a_name_that_was_unlinked_meanwhile_opens_no_session(office):
    person, identity = linked_account(office, "wechat", "o-wang")

    def come():
        tokens = Digests(str(new_id()), str(new_id()))
        return office.do(open_session, person, new_id(), "phone", tokens, NOW, Terms(through=identity))

    assert come().person == wang
    link(office, wang, "wechat", "o-new")
    with pytest.raises(NotLinked):
        come()
    office.do(revoke_all, "wang", NOW)
    assert [each for each in office.all(Session) if each.username == "wang" and not each.revoked_at] == []
    with pytest.raises(NotLinked):
        come()
    office.keep(replace(wang, active=False))
    with pytest.raises(SignInFailed):
        come()


def test_accounts_of_the_demo_office_are_not_linked():
    office = Office()
    office.keep(replace(wang, demo=True))
    for nobody in (wang, replace(wang, username="key of a program")):
        with pytest.raises(Forbidden, match="不能绑定"):
            link(office, nobody, "wechat", "o")
