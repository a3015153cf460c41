"""Loads the demo office: eleven communities, the catalogue, the working calendar, an account for each role."""

import os
import secrets
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from api.accounts.sign_in.authentication import HASHER, verified
from api.demo.places import demo_boundaries
from api.office.seed import initial_records
from api.settings import BadSettings, Settings
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from inspections.places.communities import Community, Street
from storage.database import Database
from storage.repository import Repository

STREET = Street("330402009", "新嘉街道", "XJ")
COMMUNITIES = tuple(
    Community(code, name)
    for code, name in (
        ("330402009025", "北京路社区居委会"),
        ("330402009029", "清华社区居委会"),
        ("330402009030", "清河社区居委会"),
        ("330402009031", "百花社区居委会"),
        ("330402009033", "穆河社区居委会"),
        ("330402009034", "花园社区居委会"),
        ("330402009035", "栅堰社区居委会"),
        ("330402009036", "电子社区居委会"),
        ("330402009037", "竹桥社区居委会"),
        ("330402009039", "西马桥社区居委会"),
        ("330402009040", "月河社区居委会"),
    )
)
"""Names and codes of the National Bureau of Statistics, release of 2020."""

_SECOND_TEAM = ("330402009025", "330402009029")
WITH_HANDLER = tuple(community for community in COMMUNITIES if community.code not in _SECOND_TEAM)
_FIRST_TEAM = tuple(community.code for community in WITH_HANDLER)
_ACCOUNTS = (
    ("inspector", "巡查员（演示）", Role.INSPECTOR, _FIRST_TEAM),
    ("officer", "安全专管员（演示）", Role.OFFICER, _FIRST_TEAM),
    ("handler", "整改人（演示）", Role.HANDLER, _FIRST_TEAM),
    ("supervisor", "分管领导（演示）", Role.SUPERVISOR, _FIRST_TEAM),
    ("analyst", "统计员（演示）", Role.ANALYST, _FIRST_TEAM),
    ("admin", "管理员（演示）", Role.ADMIN, _FIRST_TEAM),
    ("inspector2", "巡查员二（演示）", Role.INSPECTOR, _SECOND_TEAM),
    ("officer2", "安全专管员二（演示）", Role.OFFICER, _SECOND_TEAM),
    ("handler_street", "街道城建办（演示）", Role.HANDLER, _FIRST_TEAM),
    ("handler_school", "学校（演示）", Role.HANDLER, _FIRST_TEAM),
    ("handler_community", "社区（演示）", Role.HANDLER, _FIRST_TEAM),
)
DEPARTMENTS = ("handler_street", "handler_school", "handler_community")
"""The handlers of 三方协同: street, school and community, as lead or assisting."""
USERNAMES = tuple(username for username, *_ in _ACCOUNTS)


def demo_password(folder: Path, given: str | None) -> str:
    """The password of all demo accounts: the given one, else a random one that is stored in `folder`."""
    if given:
        return given
    kept = folder / "demo-password"
    if not kept.exists():
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(12))
    return kept.read_text().strip()


async def load_demo(database: Database, settings: Settings) -> bool:
    """Loads the demo office with the password of the settings, or a new one in the data folder.

    Raises BadSettings, before anything is written, where a real account has the name of a demo account: everybody would
    know its password.
    """
    people = await database.read(lambda repository: [repository.person(username) for username in USERNAMES])
    if real := [person.username for person in people if person and not person.demo]:
        raise BadSettings(f"no demo office here: {', '.join(real)} is a real account")
    return await load_office(database, demo_password(settings.folder, settings.demo_password))


async def load_office(database: Database, password: str) -> bool:
    """Adds what is missing and sets the demo password; true where the office is new."""
    here = await database.read(lambda repository: repository.street(STREET.code) is not None)
    people = await database.read(lambda repository: [repository.person(username) for username in USERNAMES])
    if here and all(person and verified(person.password, password) for person in people[:1]):
        return False
    hashed = [HASHER.hash(password) for _ in USERNAMES]
    accounts = [
        Person(username, name, tuple(Grant(role, code) for code in codes), hashed[at], demo=True)
        for at, (username, name, role, codes) in enumerate(_ACCOUNTS)
    ]
    return await database.transact(lambda repository: _add_office(repository, accounts))


def _add_office(repository: Repository, accounts: list[Person]) -> Change[bool]:
    new: list[Struct] = []
    if repository.street(STREET.code) is None:
        new = [STREET, *COMMUNITIES, *demo_boundaries(COMMUNITIES), *initial_records(repository)]
    known = [(before, after) for after in accounts if (before := repository.person(after.username))]
    new += [account for account in accounts if repository.person(account.username) is None]
    changed = tuple((before, replace(before, password=after.password)) for before, after in known)
    return Change(not known, tuple(new), changed)


def staff(community: str) -> tuple[str, str]:
    """The usernames of the inspector and the officer of this community."""
    return ("inspector2", "officer2") if community in _SECOND_TEAM else ("inspector", "officer")
