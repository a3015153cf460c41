"""Proves that photos are deleted after the year that an office keeps them, and that all other data stays sound."""

from sqlalchemy import select

from api.process.scheduler import run_orphan_sweep, run_photo_retention
from inspections.accounts.security_log import Event
from storage.accounts.security_log import EventFilter, fetch_security_events
from storage.photos.tables import photos
from storage.upkeep.verification import verify
from tests.builders.api import on_both, problem
from tests.builders.waiting import poll_until


def unprocessed_photos(api):
    """Return the photos that are not processed yet."""
    ask = select(photos.c.sha256).where(photos.c.state == "received")
    return api.client.app.state.context.database.read_sync(lambda repository: repository.rows(ask))


@on_both
def test_photos_of_a_long_closed_hazard_are_deleted_and_its_history_stays(api):
    rules = api.get("admin", "/rules").json()
    edited = {"version": rules["version"], "rules": {**rules["rules"], "photos_kept_days": 365}}
    assert api.post("admin", "/rules", edited).status_code == 200
    still = api.report("inspector")
    hazard = api.close_report()
    photo = hazard["photos"][0]["sha256"]
    context = api.client.app.state.context

    def run_daily_jobs():
        gone = api.client.blocking_portal.call(run_photo_retention, context.database, api.clock.now)
        api.client.blocking_portal.call(run_orphan_sweep, context.database, context.photos, api.clock.now)
        return gone

    poll_until(lambda: not unprocessed_photos(api))
    assert run_daily_jobs() == 0
    api.clock.advance(days=366)
    for who in ("officer", "admin"):
        token = api.post(None, "/auth/login", {"username": who, "password": "a-password-for-Tests"}).json()
        api.tokens[who] = token["access_token"]
    assert run_daily_jobs() == 2
    problem(api.get("officer", f"/photos/{photo}?size=320"), 410, "photo.gone")
    problem(api.get("officer", f"/photos/{photo}"), 410, "photo.gone")
    assert api.get("officer", f"/photos/{still['photos'][0]['sha256']}").status_code == 200
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert ({each["state"] for each in seen["photos"]}, seen["missing_photos"]) == ({"let_go"}, [])
    (event,) = context.database.read_sync(
        lambda repository: fetch_security_events(repository, EventFilter((Event.PHOTOS_LET_GO,)), None, 9)
    )
    assert (event.by, event.facts["photos"]) == ("system", "2")
    assert api.get("officer", f"/hazards/{hazard['id']}/history").status_code == 200
    for _ in range(2):  # the first sweep sets the files aside, the next deletes them
        api.clock.advance(days=1, hours=1)
        run_daily_jobs()
    assert not [each for each in context.photos.list_files() if each.sha256 == photo]
    assert list(verify(context.database, context.photos, lambda *_: None, None)) == []
