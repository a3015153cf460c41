"""Proves how photos are served: variants, validators, ranges."""

import io

import pytest
from PIL import Image

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY

PICTURE = draw_sample_photo("served", "EB-01", MONDAY)
LARGE = PICTURE + bytes(600_000)


def test_variants_have_their_types_and_stay_private(api):
    digest = api.photo("inspector", PICTURE)
    for size, width in (("320", 320), ("1280", 640)):
        answer = api.get("inspector", f"/photos/{digest}", params={"size": size})
        assert Image.open(io.BytesIO(answer.content)).size[0] == width
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "private" in answer.headers["cache-control"]
    assert api.get("inspector", f"/photos/{digest}").content == PICTURE


def test_a_photo_with_a_known_etag_is_not_sent_again(api):
    digest = api.photo("inspector", PICTURE)
    path = f"/photos/{digest}?size=320"
    etag = api.get("inspector", path).headers["etag"]
    again = api.get("inspector", path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get("inspector", f"/photos/{digest}", headers={"If-None-Match": etag}).status_code == 200


def test_head_returns_the_headers_without_the_photo(api):
    digest = api.photo("inspector", LARGE)
    answer = api.call("inspector", "HEAD", f"/photos/{digest}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(LARGE))
    assert answer.headers["anxun-photo-state"] in {"received", "developed"}


@pytest.mark.parametrize("data", [PICTURE, LARGE])
@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=5-99999999", slice(5, None)),
    ],
)
def test_a_range_request_gets_that_part(api, data, asked, span):
    digest = api.photo("inspector", data)
    answer = api.get("inspector", f"/photos/{digest}", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == data[span]
    assert answer.headers["content-range"].endswith(f"/{len(data)}")


@pytest.mark.parametrize(
    "asked", ["bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2,5-6", "bytes=--5", "bytes=" + "9" * 4400 + "-"]
)
def test_an_invalid_range_is_ignored(api, asked):
    digest = api.photo("inspector", PICTURE)
    answer = api.get("inspector", f"/photos/{digest}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, PICTURE)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=9-5", "bytes=-0"])
def test_a_range_outside_the_photo_gets_416(api, asked):
    digest = api.photo("inspector", PICTURE)
    answer = api.get("inspector", f"/photos/{digest}", headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(PICTURE)}"


def test_a_photo_whose_file_vanished_gets_404(api):
    digest = api.photo("inspector", PICTURE)
    (api.folder / "photos" / digest[:2] / digest).unlink()
    assert api.get("inspector", f"/photos/{digest}").status_code == 404


def test_a_range_with_another_validator_gets_the_whole_photo(api):
    digest = api.photo("inspector", PICTURE)
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert api.get("inspector", f"/photos/{digest}", headers=headers).content == PICTURE
