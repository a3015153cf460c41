"""Proves that officers see flags on suspicious photos, and that no flag reveals a hazard to those without access."""

import io

from PIL import Image

from tests.builders.api import on_both
from tests.builders.waiting import poll_until


def wait_for_flags(api, hazard, wanted=1):
    """Return the hazard as the officer sees it, once so many of its photos have flags."""

    def examined():
        seen = api.get("officer", f"/hazards/{hazard['id']}").json()
        return seen if sum(bool(photo["flags"]) for photo in seen["photos"]) >= wanted else None

    return poll_until(examined, lambda: "no flag")


def crop_and_compress(original):
    """Make a picture two percent smaller and compress it again, as a chat does."""
    image = Image.open(io.BytesIO(original)).convert("RGB")
    width, height = image.size
    image = image.crop((width // 100, height // 100, width * 99 // 100, height * 99 // 100)).resize((1280, 960))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()


@on_both
def test_a_reused_photo_is_flagged_even_if_cropped_and_compressed(api, samples):
    original = (samples / "photos" / "Samsung_SM-G935L_Galaxy_S7_Edge.jpg").read_bytes()
    first = api.report("inspector", photos=[{"sha256": api.photo("inspector", original), "stage": "before"}])
    api.report("inspector", photos=[{"sha256": api.photo("inspector"), "stage": "before"}])
    changed = crop_and_compress(original)
    second = api.report("inspector", photos=[{"sha256": api.photo("inspector", changed), "stage": "before"}])
    (flag,) = wait_for_flags(api, second)["photos"][0]["flags"]
    assert (flag["kind"], flag["hazard"]["number"]) == ("similar", first["number"])
    assert flag["amount"] <= 6
    again = api.report("inspector", photos=[{"sha256": api.photo("inspector", original), "stage": "before"}])
    flags = wait_for_flags(api, again)["photos"][0]["flags"]
    assert (flags[0]["kind"], flags[0]["hazard"]["id"]) == ("reused", first["id"])
    assert "照片" in flags[0]["message"]
    listed = api.get("officer", "/hazards", params={"flagged": "true"}).json()["items"]
    seen = {hazard["id"]: hazard["photos"][0]["flags"] for hazard in listed}
    assert seen[again["id"]] == flags
    assert seen[second["id"]][0]["hazard"]["number"] == first["number"]
    noted = api.take_step("officer", again, "note", note="已核对")
    assert noted["photos"][0]["flags"] == flags


def test_a_flag_names_no_foreign_hazard(api):
    """The handler sees the hazard that is assigned to them, and not the other."""
    digest = api.photo("inspector")
    api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    wait_for_flags(api, hazard)
    hazard = api.take_step("officer", api.take_step("officer", hazard, "accept"), "assign", lead="handler")
    (flag,) = api.get("handler", f"/hazards/{hazard['id']}").json()["photos"][0]["flags"]
    assert (flag["kind"], flag["hazard"]) == ("reused", None)


def test_a_photo_taken_far_away_and_long_ago_is_flagged(api, samples):
    oppo = (samples / "photos" / "Oppo_R7_Plus.jpg").read_bytes()
    photos = [{"sha256": api.photo("inspector", oppo), "stage": "before"}]
    here = {"lat": 30.77, "lon": 120.755, "crs": "gcj02"}
    seen = wait_for_flags(api, api.report("inspector", photos=photos, point=here))
    flags = {flag["kind"]: flag["amount"] for flag in seen["photos"][0]["flags"]}
    assert flags["taken_early"] > 8 * 365 * 24
    assert flags["far"] > 6_000_000
    assert seen["photos"][0]["camera"] == "OPPO R7plusf"


def test_a_fix_on_the_spot_with_identical_photos_does_not_stay_closed(api):
    spot = {"method": "当场清理", "quantity_done": 1}
    digest = api.photo("inspector")
    photos = [{"sha256": digest, "stage": stage} for stage in ("before", "after")]
    for _ in range(20):
        hazard = api.report("inspector", category="EV-03", photos=photos, fixed_on_spot=spot)
        if hazard["state"] == "closed":
            break
    seen = wait_for_flags(api, hazard, wanted=2)
    assert (seen["state"], seen["outcome"], seen["closed_at"]) == ("pending_recheck", None, None)
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert lines[-1]["step"] == "draw"
    assert "unchanged" in lines[-1]["facts"]["flags"]
    closed = api.take_step("officer", seen, "recheck", result="pass", note="已整改")
    assert closed["state"] == "closed"
