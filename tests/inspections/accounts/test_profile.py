"""The standard profile and the strict one: passwords, factors, three administrators, masks."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import add_person, change_person, powers
from inspections.accounts.actions.sign_in import Terms, open_session, try_password
from inspections.accounts.actions.sign_in import Tries as Keys
from inspections.accounts.people import Grant, NewGrant, NewPerson, PersonChange, Role
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_profile import PROFILES, STANDARD, STRICT
from inspections.accounts.sessions import Digests, Session
from inspections.errors import FactorMissing, Forbidden, Invalid, LastAdministrator, PasswordOld, TooManyTries
from inspections.hazards.contact_masking import contact_shown, masked
from inspections.hazards.records import Party
from tests.builders.office import HERE, NOW, Office, later, li, new_id, person, wang, zhao
from tests.builders.reports import reported

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
    return office.do(change_person, powers(who), username, asked, hashed, NOW, STRICT)


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
        with pytest.raises(Invalid):
            STRICT.check_password("password", password, "han")


def test_who_was_given_a_password_or_has_an_old_one_changes_it_first():
    handler = replace(zhao, password_at=NOW)
    assert STANDARD.unmet(zhao, None, NOW) is None
    assert STRICT.unmet(zhao, None, NOW) is PasswordOld
    assert STRICT.unmet(handler, None, later(days=89)) is None
    assert STRICT.unmet(handler, None, later(days=90)) is PasswordOld


def test_officers_supervisors_and_administrators_need_a_second_factor_others_do_not():
    factor = SecondFactor("li", "secret", NOW)
    officer = replace(li, password_at=NOW)
    assert STRICT.unmet(officer, None, NOW) is FactorMissing
    assert STRICT.unmet(officer, factor, NOW) is FactorMissing
    assert STRICT.unmet(officer, replace(factor, confirmed_at=NOW), NOW) is None
    assert STRICT.unmet(replace(wang, password_at=NOW), None, NOW) is None
    assert STANDARD.unmet(officer, None, NOW) is None


def test_five_failures_lock_for_half_an_hour():
    office, keys = Office(), Keys("a", "b")
    for second in range(5):
        office.do(try_password, keys, later(seconds=second), STRICT.patience)
    with pytest.raises(TooManyTries):
        office.do(try_password, keys, later(minutes=30), STRICT.patience)
    office.do(try_password, keys, later(minutes=31), STRICT.patience)


def test_an_administrator_is_signed_in_once_and_a_page_ends_when_it_is_left_alone():
    office = Office()
    terms = Terms(STRICT.page_idle, alone=True)
    for name in ("one", "two"):
        signed = office.do(open_session, wang, new_id(), name, Digests(f"a {name}", f"r {name}"), NOW, terms)
    assert [each.device for each in office.all(Session) if each.revoked_at is None] == ["two"]
    assert signed.pair.refresh_expires_at == NOW + timedelta(minutes=30)


def test_one_makes_accounts_another_gives_rights_and_neither_does_the_others_work(office):
    office.do(add_person, powers(ben), HAN, "hash", STRICT)
    with pytest.raises(Forbidden):
        office.do(add_person, powers(ben), replace(HAN, username="hu", grants=AN_OFFICER), "hash", STRICT)
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


def test_nobody_is_two_of_the_three_nor_all_of_them(office):
    office.do(add_person, powers(ben), HAN, "hash", STRICT)
    two = tuple(NewGrant(role, "") for role in (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN))
    whole = (NewGrant(Role.ADMIN, ""),)
    for grants in (two, whole):
        with pytest.raises(Invalid):
            change(office, qin, "han", grants=grants)
    with pytest.raises(Invalid):
        STANDARD.check_roles([Grant(each.role, "") for each in two])
    STANDARD.check_roles([Grant(Role.ADMIN, ""), Grant(Role.OFFICER, "")])


def test_the_last_of_each_of_the_three_stays(office):
    for who in ("ben", "shen"):
        with pytest.raises(LastAdministrator):
            change(office, ben, who, active=False)
    with pytest.raises(LastAdministrator):
        change(office, qin, "qin", grants=())


def test_a_password_that_somebody_else_set_is_nobody_s_own(office):
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
def test_a_mask_leaves_enough_to_recognise_what_one_knows(name, kind, phone, shown):
    there = masked(Party(kind, name, phone))
    assert (there.name, there.phone) == shown


def test_who_deals_with_the_party_and_who_reported_see_it_whole():
    office = Office()
    hazard = reported(office)
    other = person("qian", Role.INSPECTOR)
    assert contact_shown(STRICT, wang, hazard)
    assert contact_shown(STRICT, li, hazard)
    assert not contact_shown(STRICT, other, hazard)
    assert contact_shown(STANDARD, other, hazard)


def test_profiles_have_names():
    assert PROFILES == {"standard": STANDARD, "strict": STRICT}
