"""External identities: an owner links each one to one account, and it opens sessions while it is linked."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.external_identities import (
    Reauthentication,
    delete_expired_codes,
    find_linked_account,
    keep_exchanged_code,
    link_identity,
    take_exchanged_code,
    unlink_identity,
    unlink_identity_as_admin,
)
from inspections.accounts.actions.second_factor import begin_factor_enrollment, confirm_factor
from inspections.accounts.actions.sessions import revoke_all_sessions, revoke_session
from inspections.accounts.actions.sign_in import SessionOptions, change_password, open_session
from inspections.accounts.external_identities import (
    EXCHANGED_CODE_LIFETIME,
    MAX_EXCHANGED_CODES,
    ExchangedCode,
    ExternalIdentity,
)
from inspections.accounts.policy import Scope
from inspections.accounts.second_factor import SecondFactor, SubmittedCode
from inspections.accounts.sessions import Session, TokenDigests
from inspections.errors import (
    Forbidden,
    IdentityConflict,
    InvalidCredentials,
    InvalidInput,
    MissingConfirmation,
    NotFound,
    Unauthenticated,
    UnlinkedIdentity,
)
from tests.builders.office import HERE, NOW, THERE, Office, later, li, new_id, wang


def sign_in(office, who):
    made = new_id()
    office.do(open_session, who, made, "phone", TokenDigests(f"access {who.username}", str(made)), NOW)
    return made


@pytest.fixture
def office():
    office = Office()
    for who in (wang, li):
        sign_in(office, who)
    link(office, wang, "wechat", "o-wang")
    return office


def link(office, who, provider, subject, now=NOW, **shown):
    proof = Reauthentication(f"access {who.username}", **(shown or {"password": who.password}))
    return office.do(link_identity, ExternalIdentity(provider, subject, who.username, now), proof)


def enroll_factor(office):
    office.do(begin_factor_enrollment, wang, "SECRET", NOW)
    office.do(confirm_factor, "wang", SubmittedCode(100, "-"), ("first",), NOW)


def test_a_linked_identity_belongs_to_one_account(office):
    assert find_linked_account(office, "wechat", "o-wang") == (wang, ExternalIdentity("wechat", "o-wang", "wang", NOW))
    link(office, wang, "wechat", "o-wang", later(minutes=1))
    assert office.all(ExternalIdentity) == [ExternalIdentity("wechat", "o-wang", "wang", NOW)]
    with pytest.raises(IdentityConflict):
        link(office, li, "wechat", "o-wang")
    for provider, subject in (("zwding", "o-wang"), ("wechat", "o-li")):
        with pytest.raises(UnlinkedIdentity):
            find_linked_account(office, provider, subject)


def test_another_identity_of_the_same_provider_replaces_the_first(office):
    link(office, wang, "zwding", "123")
    link(office, wang, "wechat", "o-new")
    assert [(each.provider, each.subject) for each in office.identities("wang")] == [
        ("wechat", "o-new"),
        ("zwding", "123"),
    ]


def test_an_unlinked_identity_and_a_deactivated_account_open_no_session(office):
    office.keep(replace(wang, active=False))
    with pytest.raises(UnlinkedIdentity):
        find_linked_account(office, "wechat", "o-wang")
    for _ in range(2):
        office.do(unlink_identity, "wang", "wechat")
    assert office.all(ExternalIdentity) == []


def test_an_administrator_unlinks_within_their_scope(office):
    with pytest.raises(NotFound):
        office.do(unlink_identity_as_admin, Scope("wu", (THERE.code,), ()), "wang", "wechat")
    office.do(unlink_identity_as_admin, Scope("wu", (HERE.code,), ()), "wang", "wechat")
    assert office.all(ExternalIdentity) == []


def test_a_token_alone_links_nothing(office):
    with pytest.raises(MissingConfirmation):
        link(office, wang, "zwding", "123", password=None)
    with pytest.raises(MissingConfirmation):
        link(office, wang, "zwding", "123", password="the hash of the password before")
    with pytest.raises(MissingConfirmation):
        link(office, wang, "zwding", "123", code=SubmittedCode(101, "-"))  # it has no second factor
    office.do(begin_factor_enrollment, wang, "SECRET", NOW)
    with pytest.raises(MissingConfirmation):
        link(office, wang, "zwding", "123", code=SubmittedCode(101, "-"))  # nor a confirmed one
    assert [each.provider for each in office.identities("wang")] == ["wechat"]


def test_a_code_of_the_second_factor_links_once(office):
    enroll_factor(office)
    link(office, wang, "zwding", "123", code=SubmittedCode(101, "-"))
    with pytest.raises(InvalidInput, match="验证码"):
        link(office, wang, "zwding", "456", code=SubmittedCode(101, "-"))
    link(
        office, wang, "zwding", "123", code=SubmittedCode(None, "first")
    )  # linked already, and the code is used all the same
    (factor,) = office.all(SecondFactor)
    assert (factor.last_step, factor.recovery) == (101, ())


def test_a_person_who_was_signed_out_meanwhile_cannot_link():
    for ends in (
        lambda office, phone: office.do(revoke_session, "wang", phone, NOW),
        lambda office, _: office.do(revoke_all_sessions, "wang", NOW),
        lambda office, _: office.do(change_password, wang, "nobody's", "new hash", NOW),
        lambda office, _: office.keep(replace(wang, active=False)),
    ):
        office = Office()
        ends(office, sign_in(office, wang))
        with pytest.raises(Unauthenticated):
            link(office, wang, "wechat", "o-wang")


def test_an_identity_that_was_unlinked_meanwhile_opens_no_session(office):
    person, identity = find_linked_account(office, "wechat", "o-wang")

    def sign_in_with_identity():
        tokens = TokenDigests(str(new_id()), str(new_id()))
        return office.do(open_session, person, new_id(), "phone", tokens, NOW, SessionOptions(identity=identity))

    assert sign_in_with_identity().person == wang
    link(office, wang, "wechat", "o-new")
    with pytest.raises(UnlinkedIdentity):
        sign_in_with_identity()
    office.do(revoke_all_sessions, "wang", NOW)
    assert [each for each in office.all(Session) if each.username == "wang" and not each.revoked_at] == []
    with pytest.raises(UnlinkedIdentity):
        sign_in_with_identity()
    office.keep(replace(wang, active=False))
    with pytest.raises(InvalidCredentials):
        sign_in_with_identity()


def test_accounts_of_the_demo_office_are_not_linked():
    office = Office()
    office.keep(replace(wang, demo=True))
    for nobody in (wang, replace(wang, username="key of a program")):
        with pytest.raises(Forbidden, match="不能绑定"):
            link(office, nobody, "wechat", "o")


def exchanged(subject, code, at=NOW):
    return ExchangedCode("wechat", subject, code, at)


def test_an_exchanged_code_is_taken_once(office):
    code = exchanged("o-new", "digest")
    office.do(keep_exchanged_code, code)
    assert office.do(take_exchanged_code, "another", NOW) is None
    assert office.do(take_exchanged_code, "digest", NOW) == code
    assert office.do(take_exchanged_code, "digest", NOW) is None


def test_an_expired_code_is_neither_taken_nor_kept(office):
    office.do(keep_exchanged_code, exchanged("o-new", "digest"))
    assert office.do(take_exchanged_code, "digest", NOW + EXCHANGED_CODE_LIFETIME) is None
    assert office.all(ExchangedCode) == []


def test_one_code_of_an_identity_is_kept_and_the_sweep_deletes_it(office):
    for code in ("first", "second"):
        office.do(keep_exchanged_code, exchanged("o-new", code, NOW))
    office.do(keep_exchanged_code, exchanged("o-other", "third", later(minutes=1)))
    assert [each.code for each in office.all(ExchangedCode)] == ["second", "third"]
    assert office.do(delete_expired_codes, NOW + EXCHANGED_CODE_LIFETIME, 10) == 1
    assert [each.code for each in office.all(ExchangedCode)] == ["third"]


def test_a_limited_number_of_codes_is_kept(office):
    for at in range(MAX_EXCHANGED_CODES + 2):
        office.do(keep_exchanged_code, exchanged(f"o-{at}", f"{at}", later(seconds=at)))
    assert {each.code for each in office.all(ExchangedCode)} == {str(at) for at in range(2, MAX_EXCHANGED_CODES + 2)}
