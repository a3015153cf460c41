"""The dashboard on the simulated year: what it shows, that each number opens its cases, the wall, paper and files.

With ANXUN_PICTURES=1 the pictures in docs/pictures/ are made anew; then somebody has to look at them.
"""

import csv
import io
import os
import re
import subprocess
from contextlib import closing

import pytest

from api.demo.office import USERNAMES
from tests.builders.dashboard import YEAR, Dashboard, keep_picture, serve_simulated_year
from tests.builders.phone import DESK, require_pages

REFRESHES = 1_000
FAST_ANSWERS = """(() => {
  const known = new Map(), real = window.fetch;
  window.refreshes = 0;
  window.fetch = async (url, options) => {
    const path = String(url);
    if (path.includes("/statistics/summary")) window.refreshes += 1;
    if (!/statistics|hazards/.test(path) || path.includes("live")) return real(url, options);
    if (!known.has(path)) {
      const answer = await real(url, options);
      known.set(path, [await answer.text(), answer.status, [...answer.headers]]);
    }
    const [text, status, headers] = known.get(path);
    const changed = text.replace(/"received":(\\d+)/g, (_, n) => `"received":${Number(n) + window.refreshes % 9}`);
    return new Response(changed, { status, headers });
  };
})()"""
"""Answers from memory after the first time, with numbers that change, so that a thousand refreshes take a minute."""
QUANTITIES = ("quantity_found", "quantity_done", "score_total")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    require_pages()
    process = serve_simulated_year(tmp_path_factory.mktemp("dashboard"))
    yield process
    process.stop()


@pytest.fixture
def dashboard(chromium, office):
    with chromium.context(**DESK, accept_downloads=True) as context:
        dashboard = Dashboard(context, office.address)
        yield dashboard
        assert not dashboard.errors
        assert not dashboard.failures
        assert all(url.startswith((office.address, "blob:")) for url in dashboard.requests)


def test_the_figures_of_the_year_are_on_the_screen(dashboard, office):
    page = dashboard.open(f"#/?{YEAR}").sign_in("analyst").wait_for_charts().page
    assert "防盗窗拆除\n291处" in re.sub(r"\s*\n\s*", "\n", page.inner_text(".groups"))
    assert "查明原因\n43个" in re.sub(r"\s*\n\s*", "\n", page.inner_text(".figures"))
    assert "消除 43个" in page.inner_text(".figures")
    keep_picture(page.screenshot(), "dashboard")
    with closing(office.client("analyst")) as client:
        summary = client.get(f"/statistics/summary?{YEAR}").json()["items"]
    page.click(".all summary")
    rows = page.locator(".all tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == [figure["title"] for figure in summary]
    assert not re.search(r"[a-z]{4}", "".join(rows))  # the meanings name numbers by their titles


def test_every_number_opens_as_many_cases_as_it_says(dashboard):
    page = dashboard.open(f"#/?{YEAR}").sign_in("supervisor").wait_for_charts().page
    for details in (".all summary", ".trend summary"):
        page.click(details)
    found = dashboard.numbers()
    page.select_option(".choice select", "on_time_rate")  # the parts of a rate, for each community
    page.wait_for_selector(".ranking .parts")
    found |= dashboard.numbers()
    assert len(found) > 150
    assert sum(number > 0 for number in found.values()) > 70
    for href, number in found.items():
        total, rows, added = dashboard.opened(href)
        adds_up = any(f"counted_as={name}" in href for name in QUANTITIES)
        assert (added if adds_up else total, rows) == (number, total), href


def test_a_bar_and_a_community_on_the_map_open_their_cases(dashboard):
    page = dashboard.open(f"#/?{YEAR}&rank=received").sign_in("analyst").wait_for_charts().page
    bars = page.locator(".trend canvas")
    box = bars.bounding_box()
    bars.click(position={"x": box["width"] * 0.478, "y": box["height"] * 0.8})  # June, the sixth of twelve
    page.wait_for_selector(".cases .total")
    assert "counted_from=2024-06-01" in page.url
    assert page.get_attribute(".cases .total", "data-total") == "99"
    page.go_back()
    dashboard.wait_for_charts()
    areas = page.locator(".map canvas")
    box = areas.bounding_box()
    for x, y in ((x / 12, y / 8) for y in range(1, 8) for x in range(1, 12)):
        areas.click(position={"x": box["width"] * x, "y": box["height"] * y})
        if "#/cases" in page.url:
            break
    page.wait_for_selector(".cases .total")
    assert re.search(r"community=330402009\d{3}&", f"{page.url}&")


def test_the_address_keeps_the_filters_and_says_what_it_ignores(dashboard):
    page = dashboard.open(f"#/?{YEAR}&community=330402009999&colour=red").sign_in("supervisor").wait_for_charts().page
    assert page.inner_text(".note.soon").partition("：")[2] == "colour=red、community=330402009999"
    page.select_option("#group", "防盗窗拆除")
    page.wait_for_selector(".figures .good .huge >> text=291")
    assert not page.locator(".note.soon").count()
    page.select_option("#community", "330402009036")
    page.wait_for_function("() => !document.querySelector('.figures .good .huge').innerText.startsWith('291')")
    address, number = page.url, page.inner_text(".figures .good .huge")
    assert {"community=330402009036", "from=2024-01-01"} <= set(address.partition("?")[2].split("&"))
    page.reload()
    dashboard.sign_in("supervisor").wait_for_charts()
    assert (page.url, page.inner_text(".figures .good .huge")) == (address, number)
    page.select_option("#period", "all")
    page.wait_for_function("() => document.querySelector('.figures').innerText.includes('累计')")
    assert "period=all" in page.url


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_the_wall_fits_its_screen_and_names_no_person(chromium, office, width, height):
    with chromium.context(viewport={"width": width, "height": height}, has_touch=False, is_mobile=False) as context:
        dashboard = Dashboard(context, office.address).open(f"#/screen?{YEAR}").sign_in("supervisor").wait_for_charts()
        page = dashboard.page
        cut = page.evaluate(
            "() => [...document.querySelectorAll('.wall-frame, .panel, .bars')]"
            ".filter(each => each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1)"
            ".map(each => each.className)"
        )
        assert not cut
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        words = page.inner_text("body")
        assert {"291", "43", "719"} <= set(re.findall(r"\d+", words))
        if width == 1920:
            keep_picture(page.screenshot(), "dashboard-wall")
        with closing(office.client("supervisor")) as client:
            people = client.get("/people").json()["items"]
        assert people
        assert not [each["name"] for each in people if each["name"] in words]
        assert not [name for name in USERNAMES if name in words]
        assert not dashboard.errors


@pytest.mark.drill
def test_the_memory_of_the_wall_is_flat_over_a_thousand_refreshes(chromium, office):
    with chromium.context(viewport={"width": 1920, "height": 1080}, has_touch=False, is_mobile=False) as context:
        context.add_init_script(FAST_ANSWERS)
        dashboard = Dashboard(context, office.address)
        dashboard.page.clock.install()
        page = dashboard.open(f"#/screen?{YEAR}").sign_in("supervisor").wait_for_charts().page
        memory = context.new_cdp_session(page)

        def used_after(refreshes):
            while page.evaluate("window.refreshes") < refreshes:
                page.clock.run_for(60_000)
            memory.send("HeapProfiler.collectGarbage")
            counted = memory.send("Memory.getDOMCounters")
            return memory.send("Runtime.getHeapUsage")["usedSize"], counted["nodes"], counted["jsEventListeners"]

        heap, nodes, listeners = used_after(REFRESHES // 2)  # until then the engine compiles what runs often
        last_heap, last_nodes, last_listeners = used_after(REFRESHES)
        assert last_heap < heap * 1.1
        assert last_nodes < nodes * 1.1
        assert last_listeners <= listeners
        assert not dashboard.errors


def test_paper_has_the_same_numbers_in_dark_too(chromium, office, tmp_path):
    with chromium.context(**DESK, color_scheme="dark") as context:
        page = Dashboard(context, office.address).open(f"#/?{YEAR}").sign_in("supervisor").wait_for_charts().page
        file = page.pdf(prefer_css_page_size=True, print_background=True)
        pages = re.findall(rb"/MediaBox \[0 0 (\d+)[.\d]* (\d+)[.\d]*\]", file)
        assert pages == [(b"594", b"841")] * 2  # A4, in points
        if os.environ.get("ANXUN_PICTURES"):
            (tmp_path / "paper.pdf").write_bytes(file)
            draw = ["pdftoppm", "-r", "90", "-f", "1", "-l", "1", "-png", "-singlefile", tmp_path / "paper.pdf"]
            subprocess.run([*draw, tmp_path / "paper"], check=True)
            keep_picture((tmp_path / "paper.png").read_bytes(), "dashboard-paper")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator(".filters, .tools").first.is_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator(".filters").is_visible()


def test_a_briefing_is_copied_with_its_number_and_can_be_opened_again(dashboard, office):
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = dashboard.open(f"#/briefing?{YEAR}").sign_in("supervisor").page
    page.wait_for_selector(".spoken")
    page.click("text=复制全文")
    page.wait_for_selector(".said:has-text('已复制')")
    copied = page.evaluate("navigator.clipboard.readText()")
    number = re.search(r"快照编号 ([0-9a-f-]{36})", copied)[1]
    with closing(office.client("supervisor")) as client:
        kept = client.get(f"/statistics/briefings/{number}").json()
    assert copied.split("\n")[:3] == [kept["title"], kept["text"], kept["year"]]
    assert "291处" in copied
    dashboard.follow(f"#/briefing/{number}")
    page.wait_for_selector(f"text={number}")
    assert page.locator(".earlier a[aria-current]").count() == 1


def test_what_is_seen_is_saved_as_a_table(dashboard):
    page = dashboard.open(f"#/?{YEAR}&group=防盗窗拆除").sign_in("analyst").wait_for_charts().page
    page.click(".menu summary")
    with page.expect_download() as saving:
        page.click("button[aria-label='社区统计 CSV']")
    rows = [*csv.DictReader(io.StringIO(saving.value.path().read_text("utf-8-sig")))]
    assert saving.value.suggested_filename == "社区统计.csv"
    assert rows[-1]["整改数量"] == page.inner_text(".figures .good .huge").removesuffix("处") == "291"
    with page.expect_download() as saving:
        page.click("button[aria-label='社区统计 XLSX']")
    assert saving.value.path().read_bytes()[:2] == b"PK"


def test_who_may_not_see_statistics_is_told(dashboard):
    page = dashboard.open().page
    page.fill("#username", "handler")
    page.fill("#password", "a-password-for-Tests")
    page.click("form button.main")
    page.wait_for_selector("text=当前账号没有查看统计的权限")
