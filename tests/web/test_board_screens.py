"""The screens of the board in both sizes, light and dark, Chinese and English, without faults that axe finds.

With ANXUN_PICTURES=1 the pictures in docs/pictures/ are made anew; then somebody has to look at them.
"""

import io
import os
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.builders.board import Board, report_hazards, send_photo, take_step
from tests.builders.phone import DESK
from tests.builders.process import Process

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
KEPT = {"columns", "batch", "case"}
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
KINDS = ["EB-01", "EV-02", "EV-03", "FF-01", "WN-02", "EL-04", "GS-01"]
PLACES = ["3幢2单元楼梯间", "12幢架空层", "嘉宁里5幢门厅", "中山路88号二楼", "锦绣新村7幢", "地下车库B区"]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """An office in which something waits in most columns."""
    server = Process(tmp_path_factory.mktemp("board") / "data").start()
    with closing(server.client("officer")) as officer:
        codes = [each["code"] for each in officer.get("/communities").json()["items"]][:6]
    made = []
    for at in range(21):
        facts = {"category": KINDS[at % 7], "community": codes[at % 6], "place": PLACES[at % 6]}
        made += report_hazards(server, 1, photos=1, description="现场已拍照", **facts)
    for each in made[:12]:
        take_step(server, "officer", each, "accept")
    for each in made[:7]:
        take_step(server, "officer", each, "assign", lead="handler")
    for each in made[:2]:
        take_step(server, "handler", each, "return", reason="不归我管")
    with closing(server.client("handler")) as handler:
        photos = [send_photo(handler, f"after {at}", "after") for at in range(3)]
    for each, photo in zip(made[2:5], photos, strict=True):
        take_step(server, "handler", each, "submit_fix", method="清空楼道", quantity_done=1, photos=[photo])
    take_step(server, "officer", made[8], "propose_major", basis="重大火灾隐患判定方法")
    server.made = made
    yield server
    server.stop()


@pytest.fixture(params=[("light", 1440, 900), ("dark", 1024, 768)], ids=["light-1440", "dark-1024"])
def board(chromium, office, request):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    scheme, width, height = request.param
    options = {**DESK, "viewport": {"width": width, "height": height}, "color_scheme": scheme}
    with chromium.context(**options) as context:
        context.add_init_script(AXE.read_text())
        board = Board(context, office.address).open()
        board.light = scheme == "light"
        yield board
        assert not board.errors
        own = (office.address, "blob:", "data:")
        assert not [url for url in board.requests if not url.startswith(own)]


def look(board, name):
    """Checks what is on the screen now, and takes its picture where pictures are wanted."""
    board.page.wait_for_timeout(300)
    wide = board.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, (name, "scrolls sideways")
    found = board.page.evaluate("tags => axe.run({runOnly: tags})", AXE_RULES)["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found], name
    if os.environ.get("ANXUN_PICTURES") and board.light and name in KEPT:
        PICTURES.mkdir(exist_ok=True)
        shot = Image.open(io.BytesIO(board.page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=96)
        shot.save(PICTURES / f"board-{name}.png", optimize=True)


def test_the_screens_of_the_board_are_readable(board):
    page = board.page
    look(board, "sign-in")
    board.sign_in("officer").wait_until_read()
    page.wait_for_selector("[role=option]:focus")
    look(board, "columns")
    board.press("x", "j", "x")
    page.wait_for_selector("[role=toolbar]")
    look(board, "selected")
    board.press("a")
    page.wait_for_selector("dialog kbd:text-is('1')")
    board.press("1")
    look(board, "batch")
    board.press("Escape", "Escape", "?")
    page.wait_for_selector("dialog .keys")
    look(board, "keys")
    board.press("Escape")
    page.evaluate("location.hash = '#/?community=1&x=2'")
    page.wait_for_selector(".wrong-address")
    look(board, "wrong-address")


def test_the_screens_of_a_case_are_readable(board, office):
    page, (_, _, fixed, *_) = board.page, office.made
    board.sign_in("officer").wait_until_read()
    page.evaluate(f"location.hash = '#/hazards/{fixed['id']}'")
    page.wait_for_selector(".after .picture img")
    page.wait_for_selector(".story li")
    look(board, "case")
    board.press("w")
    page.wait_for_selector(".frames.overlaid")
    look(board, "case-swipe")
    for step in ("recheck.fail", "reclassify"):
        page.evaluate(f"location.hash = '#/hazards/{fixed['id']}/steps/{step}'")
        page.wait_for_selector(".step-form")
        look(board, step)


def test_the_board_speaks_english(board):
    board.page.click("text=English")
    board.page.wait_for_selector("text=Sign in to see")
    board.sign_in("officer").wait_until_read()
    board.page.wait_for_selector("h2 >> text=To accept")
    look(board, "english")
