"""Proves that photos are served by signed URL, and with our caption."""

import io
import uuid

import pytest
from PIL import Image

from tests.builders.api import on_both, problem
from tests.builders.waiting import poll_until


def signed_url(api, who, digest, size="320", **more):
    answer = api.post(who, "/photos/links", {"photos": [{"sha256": digest, "size": size, **more}]})
    assert answer.status_code == 200, answer.text
    (each,) = answer.json()["links"]
    assert (each["sha256"], each["size"], each["expires_in"]) == (digest, size, 300)
    return each["url"]


def open_url(api, url, **options):
    """Open a signed URL without a token, as an <img> does."""
    return api.call(None, "GET", url.removeprefix("/api/v1"), **options)


@on_both
def test_a_signed_url_serves_one_variant_for_five_minutes(api, clock):
    hazard = api.report("inspector")
    digest = hazard["photos"][0]["sha256"]
    for size, kind in (("320", "image/jpeg"), ("1280", "image/jpeg"), ("original", "image/jpeg")):
        url = signed_url(api, "officer", digest, size)
        answer = open_url(api, url)
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert "private" in answer.headers["cache-control"]
        assert open_url(api, url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
        other = "1280" if size == "320" else "320"
        problem(open_url(api, url.replace(f"/{size}?", f"/{other}?")), 404, "photo.not_found")
    problem(open_url(api, url.replace("signed=", "signed=0")), 404, "photo.not_found")
    problem(open_url(api, url.replace("expires=", "expires=9")), 404, "photo.not_found")
    problem(open_url(api, url.partition("?")[0]), 422, "step.needs")
    clock.advance(minutes=5, seconds=1)
    problem(open_url(api, url), 404, "photo.not_found")


def test_a_cache_keeps_a_signed_photo_no_longer_than_its_url_is_valid(api, clock):
    digest = api.report("inspector")["photos"][0]["sha256"]
    url = signed_url(api, "officer", digest)
    clock.advance(minutes=3)
    assert open_url(api, url).headers["cache-control"] == "private, max-age=120"


def test_a_person_who_may_not_see_a_photo_gets_no_signed_url(api):
    digest = api.report("inspector")["photos"][0]["sha256"]
    assert signed_url(api, "officer2", digest) is None
    assert signed_url(api, "officer", "0" * 64) is None
    assert signed_url(api, "analyst", digest, "320")
    assert signed_url(api, "analyst", digest, "original") is None
    problem(api.post("officer", "/photos/links", {"photos": []}), 422, "step.needs")
    problem(api.post("officer", "/photos/links", {"photos": [{"sha256": digest, "size": "9"}]}), 422, "step.needs")


def test_a_caption_is_drawn_into_the_photo_s_lower_left_corner(api):
    hazard = api.report("inspector")
    digest = hazard["photos"][0]["sha256"]
    wait_until_developed(api, digest)  # the time in the picture's metadata is known only then
    plain = api.get("officer", f"/photos/{digest}?size=1280")
    captioned = api.get("officer", f"/photos/{digest}?size=1280&watermark={hazard['id']}")
    assert captioned.status_code == 200
    assert captioned.headers["etag"] != plain.headers["etag"]
    before, after = (Image.open(io.BytesIO(answer.content)) for answer in (plain, captioned))
    assert before.size == after.size
    width, height = after.size
    assert differs(before, after, (0, height * 3 // 4, width // 2, height))
    assert not differs(before, after, (width // 2, 0, width, height // 4))
    assert not after.getexif()
    linked = open_url(api, signed_url(api, "officer", digest, "1280", watermark=hazard["id"]))
    assert linked.content == captioned.content


def wait_until_developed(api, digest):
    poll_until(lambda: api.call("officer", "HEAD", f"/photos/{digest}").headers["anxun-photo-state"] == "developed")


def differs(one, other, box):
    pairs = zip(one.crop(box).tobytes(), other.crop(box).tobytes(), strict=True)
    return sum(abs(here - there) > 24 for here, there in pairs) > 100


@pytest.mark.parametrize(("who", "status"), [("officer", 404), ("officer2", 404), ("analyst", 404)])
def test_a_captioned_photo_is_refused_to_a_person_who_may_not_know_its_facts(api, who, status):
    hazard, other = api.report("inspector"), api.report("inspector")
    digest = hazard["photos"][0]["sha256"]
    named = other["id"] if who == "officer" else hazard["id"]  # a hazard that does not show this photo
    assert api.get(who, f"/photos/{digest}?size=320&watermark={named}").status_code == status
    assert signed_url(api, who, digest, "320", watermark=named) is None


def test_an_original_gets_no_caption(api):
    digest = api.report("inspector")["photos"][0]["sha256"]
    problem(api.get("officer", f"/photos/{digest}?watermark={uuid.uuid4()}"), 422, "step.needs")
    wanted = {"sha256": digest, "size": "original", "watermark": str(uuid.uuid4())}
    problem(api.post("officer", "/photos/links", {"photos": [wanted]}), 422, "step.needs")
