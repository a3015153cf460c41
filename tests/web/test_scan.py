"""The code on a wall: its words become the place, by a camera that shows a drawn code."""

import io

import pytest
import segno
from PIL import Image

from tests.builders.phone import Phone

WORDS = "嘉兴市南湖区新嘉街道 3幢2单元"


@pytest.fixture
def film(tmp_path):
    """A film of a code on a wall, as Chromium's camera of tests shows it: JPEG pictures, one behind the other."""
    code = io.BytesIO()
    segno.make(WORDS, error="m", encoding="utf-8").save(code, kind="png", scale=8, border=6)
    wall = Image.new("RGB", (640, 480), "white")
    wall.paste(Image.open(code).convert("RGB").resize((400, 400)), (120, 40))
    frame = io.BytesIO()
    wall.save(frame, "JPEG", quality=90)
    film = tmp_path / "wall.mjpeg"
    film.write_bytes(frame.getvalue() * 10)
    return film


def test_a_code_on_the_wall_becomes_the_place(chromium, server, film):
    with chromium.context(film=film) as context:
        phone = Phone(context, server.address).open().sign_in("inspector").wait_for_reference()
        phone.page.click("text=扫码")
        phone.page.wait_for_function("words => document.querySelector('#place').value === words", arg=WORDS)
        phone.page.wait_for_selector("video", state="detached")
        assert not phone.errors


def test_without_a_right_to_the_camera_the_place_is_typed(chromium, server):
    with chromium.context() as context:
        phone = Phone(context, server.address).open().sign_in("inspector").wait_for_reference()
        phone.page.click("text=扫码")
        phone.page.wait_for_selector("[role=alert]")
        phone.page.fill("#place", "9幢")
        assert not phone.errors
