"""Security profiles: both profiles apply their rules for passwords, second factors, administrators and masks."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import add_person, admin_scopes, change_person
from inspections.accounts.actions.sign_in import AttemptKeys as Keys
from inspections.accounts.actions.sign_in import SessionOptions, count_password_attempt, open_session
from inspections.accounts.people import Grant, NewGrant, NewPerson, PersonChange, Role
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_profile import PROFILES, STANDARD, STRICT
from inspections.accounts.sessions import Session, TokenDigests
from inspections.errors import (
    ExpiredPassword,
    Forbidden,
    InvalidInput,
    LastAdministrator,
    MissingSecondFactor,
    TooManySignInAttempts,
)
from inspections.hazards.contact_masking import mask_facts, mask_party, may_see_contact
from inspections.hazards.records import Party
from tests.builders.office import HERE, NOW, Office, later, li, new_id, person, wang, zhao
from tests.builders.reports import report_new_hazard

ben = person("ben", Role.SYSTEM_ADMIN, scope="")
qin = person("qin", Role.SECURITY_ADMIN, scope="")
shen = person("shen", Role.AUDIT_ADMIN, scope="")
HAN = NewPerson("han", "韩", "Correct horse 9")
AN_OFFICER = (NewGrant(Role.OFFICER, HERE.code),)


@pytest.fixture
def office():
    office = Office()
    office.keep(ben, qin, shen)
    return office


def change(office, who, username, hashed=None, **facts):
    asked = PersonChange(office.person(username).version, **facts)
    return office.do(change_person, admin_scopes(who), username, asked, hashed, NOW, STRICT)


@pytest.mark.parametrize(
    ("password", "fits"),
    [
        ("abcdefghijkl", False),
        ("abcdefghijk1", False),
        ("abcdefghij1-", True),
        ("Abcdefghij-!", True),
        ("A1-xHANx-1A", False),
    ],
)
def test_a_strict_password_has_three_kinds_of_letters_and_not_the_name(password, fits):
    STANDARD.check_password("password", password, "han")
    if fits:
        STRICT.check_password("password", password, "han")
    else:
        with pytest.raises(InvalidInput):
            STRICT.check_password("password", password, "han")


def test_a_password_that_was_given_or_is_old_must_be_changed_first():
    handler = replace(zhao, password_at=NOW)
    assert STANDARD.unmet_requirement(zhao, None, NOW) is None
    assert STRICT.unmet_requirement(zhao, None, NOW) is ExpiredPassword
    assert STRICT.unmet_requirement(handler, None, later(days=89)) is None
    assert STRICT.unmet_requirement(handler, None, later(days=90)) is ExpiredPassword


def test_officers_supervisors_and_administrators_need_a_second_factor_others_do_not():
    factor = SecondFactor("li", "secret", NOW)
    officer = replace(li, password_at=NOW)
    assert STRICT.unmet_requirement(officer, None, NOW) is MissingSecondFactor
    assert STRICT.unmet_requirement(officer, factor, NOW) is MissingSecondFactor
    assert STRICT.unmet_requirement(officer, replace(factor, confirmed_at=NOW), NOW) is None
    assert STRICT.unmet_requirement(replace(wang, password_at=NOW), None, NOW) is None
    assert STANDARD.unmet_requirement(officer, None, NOW) is None


def test_five_failures_lock_for_half_an_hour():
    office, keys = Office(), Keys("a", "b")
    for second in range(5):
        office.do(count_password_attempt, keys, later(seconds=second), STRICT.backoff)
    with pytest.raises(TooManySignInAttempts):
        office.do(count_password_attempt, keys, later(minutes=30), STRICT.backoff)
    office.do(count_password_attempt, keys, later(minutes=31), STRICT.backoff)


def test_a_single_session_ends_the_one_before_and_an_idle_page_expires():
    office = Office()
    terms = SessionOptions(STRICT.page_idle, single_session=True)
    for name in ("one", "two"):
        signed = office.do(open_session, wang, new_id(), name, TokenDigests(f"a {name}", f"r {name}"), NOW, terms)
    assert [each.device for each in office.all(Session) if each.revoked_at is None] == ["two"]
    assert signed.pair.refresh_expires_at == NOW + timedelta(minutes=30)


def test_the_system_administrator_makes_accounts_and_the_security_administrator_grants_roles(office):
    office.do(add_person, admin_scopes(ben), HAN, "hash", STRICT)
    with pytest.raises(Forbidden):
        office.do(add_person, admin_scopes(ben), replace(HAN, username="hu", grants=AN_OFFICER), "hash", STRICT)
    for not_ben_s in ({"grants": AN_OFFICER}, {"password": "Correct horse 10"}):
        with pytest.raises(Forbidden):
            change(office, ben, "han", "another" if "password" in not_ben_s else None, **not_ben_s)
    given = change(office, qin, "han", grants=AN_OFFICER)
    assert given.grants == (Grant(Role.OFFICER, HERE.code),)
    assert change(office, qin, "han", "another", password="Correct horse 10").password == "another"
    for not_qin_s in ({"name": "寒"}, {"active": False}, {"erase": True}):
        with pytest.raises(Forbidden):
            change(office, qin, "han", **not_qin_s)
    assert change(office, ben, "han", name="寒").name == "寒"
    assert change(office, ben, "han", erase=True).active is False


def test_a_person_cannot_hold_two_of_the_three_administrator_roles(office):
    office.do(add_person, admin_scopes(ben), HAN, "hash", STRICT)
    two = tuple(NewGrant(role, "") for role in (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN))
    whole = (NewGrant(Role.ADMIN, ""),)
    for grants in (two, whole):
        with pytest.raises(InvalidInput):
            change(office, qin, "han", grants=grants)
    with pytest.raises(InvalidInput):
        STANDARD.check_roles([Grant(each.role, "") for each in two])
    STANDARD.check_roles([Grant(Role.ADMIN, ""), Grant(Role.OFFICER, "")])


def test_the_last_holder_of_each_administrator_role_cannot_be_removed(office):
    for who in ("ben", "shen"):
        with pytest.raises(LastAdministrator):
            change(office, ben, who, active=False)
    with pytest.raises(LastAdministrator):
        change(office, qin, "qin", grants=())


def test_a_password_set_by_an_administrator_counts_as_temporary(office):
    office.keep(replace(wang, password_at=NOW))
    assert change(office, qin, "wang", wang.password, password="the same as before 1").password_at == NOW
    assert change(office, qin, "wang", "another", password="Correct horse 10").password_at is None


@pytest.mark.parametrize(
    ("name", "kind", "phone", "shown"),
    [
        ("张三丰", "owner", "13912341234", ("张**", "139****1234")),
        ("李", "tenant", None, ("李", None)),
        ("某某物业", "property", "0573-82001234", ("某某物业", "057*-****1234")),
        ("某店", "merchant", "110", ("某店", "*10")),
    ],
)
def test_a_mask_leaves_enough_to_recognise_a_known_party(name, kind, phone, shown):
    there = mask_party(Party(kind, name, phone))
    assert (there.name, there.phone) == shown


def test_the_officer_and_the_reporter_see_the_contact_unmasked():
    office = Office()
    hazard = report_new_hazard(office)
    other = person("qian", Role.INSPECTOR)
    assert may_see_contact(STRICT, wang, hazard)
    assert may_see_contact(STRICT, li, hazard)
    assert not may_see_contact(STRICT, other, hazard)
    assert may_see_contact(STANDARD, other, hazard)


def test_profiles_have_names():
    assert PROFILES == {"standard": STANDARD, "strict": STRICT}


def test_every_word_of_a_line_for_the_party_is_masked_and_erased_ones_stay_null():
    party = Party("owner", "张三", "13912341234")
    named = {"kind": "owner", "name": "张三", "phone": "13912341234"}
    facts = {"responsible_party": named, "on_behalf_of": "张三", "phone": "13912341234", "note": "…"}
    hidden = {"kind": "owner", "name": "张*", "phone": "139****1234"}
    assert mask_facts(facts, party) == {
        "responsible_party": hidden,
        "on_behalf_of": "张*",
        "phone": "139****1234",
        "note": "…",
    }
    firm = {"kind": "merchant", "name": "某店"}
    assert mask_facts({"responsible_party": firm, "on_behalf_of": "李师傅"}, party)["responsible_party"] == firm
    assert mask_facts({"note": "…"}, party) == {"note": "…"}
    erased = {"responsible_party": {"kind": "owner", "name": None, "phone": None}, "on_behalf_of": None}
    assert mask_facts(erased, None) == erased
