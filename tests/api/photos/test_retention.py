"""An office that keeps photos for a year: then they are gone, and everything else still holds."""

import time

from sqlalchemy import select

from api.process.scheduler import let_photos_go, tidy
from inspections.accounts.security_log import Event
from storage.accounts.security_log import Wanted, security_page
from storage.photos.tables import photos
from storage.upkeep.verification import verify
from tests.builders.api import on_both, problem


def waiting(api):
    """Photos that are not developed yet."""
    ask = select(photos.c.sha256).where(photos.c.state == "received")
    return api.client.app.state.context.database.ask(lambda repository: repository.rows(ask))


@on_both
def test_photos_of_a_hazard_that_ended_long_ago_go_and_its_history_stays(api):
    rules = api.get("admin", "/rules").json()
    edited = {"version": rules["version"], "rules": {**rules["rules"], "photos_kept_days": 365}}
    assert api.post("admin", "/rules", edited).status_code == 200
    still = api.report("inspector")
    hazard = api.closed()
    photo = hazard["photos"][0]["sha256"]
    context = api.client.app.state.context

    def daily():
        gone = api.client.blocking_portal.call(let_photos_go, context.database, api.clock.now)
        api.client.blocking_portal.call(tidy, context.database, context.photos, api.clock.now)
        return gone

    until = time.monotonic() + 20
    while waiting(api) and time.monotonic() < until:
        time.sleep(0.05)
    assert daily() == 0
    api.clock.pass_(days=366)
    for who in ("officer", "admin"):
        token = api.post(None, "/auth/login", {"username": who, "password": "a-password-for-Tests"}).json()
        api.tokens[who] = token["access_token"]
    assert daily() == 2
    problem(api.get("officer", f"/photos/{photo}?size=320"), 410, "photo.gone")
    problem(api.get("officer", f"/photos/{photo}"), 410, "photo.gone")
    assert api.get("officer", f"/photos/{still['photos'][0]['sha256']}").status_code == 200
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert ({each["state"] for each in seen["photos"]}, seen["missing_photos"]) == ({"let_go"}, [])
    (event,) = context.database.ask(lambda repository: security_page(repository, Wanted(Event.PHOTOS_LET_GO), None, 9))
    assert (event.by, event.facts["photos"]) == ("system", "2")
    assert api.get("officer", f"/hazards/{hazard['id']}/history").status_code == 200
    for _ in range(2):  # aside, and a day later away
        api.clock.pass_(days=1, hours=1)
        daily()
    assert not [each for each in context.photos.stored() if each.sha256 == photo]
    assert list(verify(context.database, context.photos, lambda *_: None, None)) == []
