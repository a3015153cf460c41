"""Every screen of the dashboard, light and dark, wide and narrow: readable, and without faults that axe finds."""

from pathlib import Path

import pytest

from tests.builders.dashboard import Dashboard
from tests.builders.phone import DESK

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WALL = {"width": 1920, "height": 1080}


def check_readable(dashboard, name):
    """Looks for faults in what is on the screen now."""
    wide = dashboard.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, (name, "scrolls sideways")
    found = dashboard.page.evaluate("tags => axe.run({runOnly: tags})", AXE_RULES)["violations"]
    assert not [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found], name


@pytest.fixture(params=["light", "dark"])
def dashboard(chromium, server, request):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    with chromium.context(**DESK, color_scheme=request.param) as context:
        context.add_init_script(AXE.read_text())
        dashboard = Dashboard(context, server.address)
        yield dashboard
        assert not dashboard.errors
        assert not dashboard.failures


def test_every_screen_is_readable(dashboard):
    page = dashboard.open().page
    page.wait_for_selector("#username")
    check_readable(dashboard, "sign-in")
    dashboard.sign_in("supervisor").wait_for_charts()
    for details in (".all summary", ".trend summary", ".menu summary"):
        page.click(details)
    check_readable(dashboard, "overview")
    page.focus(".figure .term button")
    page.wait_for_selector(".figure [role=tooltip] >> visible=true")
    check_readable(dashboard, "meaning")
    page.keyboard.press("Escape")
    page.wait_for_selector(".figure [role=tooltip] >> visible=true", state="detached")
    dashboard.follow("#/?period=week").wait_for_charts()
    check_readable(dashboard, "ignored")
    dashboard.follow("#/nowhere")
    check_readable(dashboard, "nowhere")
    dashboard.follow("#/cases?counted_as=received")
    page.wait_for_selector(".cases .total")
    check_readable(dashboard, "cases")
    dashboard.follow("#/cases?counted_as=nothing")
    page.wait_for_selector(".note.late")
    check_readable(dashboard, "wrong cases")
    dashboard.follow("#/briefing")
    page.wait_for_selector(".spoken")
    check_readable(dashboard, "briefing")
    dashboard.follow("#/screen").wait_for_charts()
    page.set_viewport_size(WALL)
    check_readable(dashboard, "wall")


def test_it_fits_a_phone_and_speaks_english(dashboard):
    page = dashboard.open().sign_in("officer").wait_for_charts().page
    page.set_viewport_size({"width": 360, "height": 720})
    check_readable(dashboard, "narrow")
    page.click("text=English")
    page.wait_for_selector("text=Communities compared")
    check_readable(dashboard, "narrow English")
    page.set_viewport_size({"width": 720, "height": 900})
    check_readable(dashboard, "tablet English")
