"""The dashboard on a morning with open work: ages, clocks, doubts and where the open hazards stand open their cases."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta

from tests.builders.board import report_hazards, take_step
from tests.builders.dashboard import Dashboard
from tests.builders.phone import DESK
from tests.builders.waiting import poll_until

HERE = "330402009036"


def leave_open_work(server):
    """Reports hazards and leaves them in five states, one of them with a photo that was used twice."""
    waiting, accepted, assigned, stopped, fixed = report_hazards(server, 5, photos=1, community=HERE)
    for hazard in (accepted, assigned, stopped, fixed):
        take_step(server, "officer", hazard, "accept")
    for hazard in (assigned, stopped, fixed):
        take_step(server, "officer", hazard, "assign", lead="handler")
    for hazard in (stopped, fixed):
        take_step(server, "handler", hazard, "start")
    review = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    take_step(server, "supervisor", stopped, "suspend", reason="等施工队", measures="断电", review_at=review)
    again = [{"sha256": fixed["photos"][0]["sha256"], "stage": "after"}]
    take_step(server, "handler", fixed, "submit_fix", method="移出", quantity_done=1, photos=again)
    with closing(server.client("officer")) as client:
        poll_until(lambda: client.get("/hazards?flagged=true&count=true").json()["total"] == 1, lambda: "no doubt yet")
    return [waiting, accepted, assigned, stopped, fixed]


def test_open_work_is_counted_and_opened(chromium, server):
    left = leave_open_work(server)
    with chromium.context(**DESK) as context:
        dashboard = Dashboard(context, server.address).open(f"#/?community={HERE}").sign_in("supervisor")
        page = dashboard.wait_for_charts().page
        standing = dict(re.findall(r"(\S+)\n+(\d+)", page.inner_text(".standing .legend")))
        wanted = {"待受理": "1", "整改期限内": "2", "逾期": "0", "暂缓": "1", "待复查": "1", "移交中": "0"}
        assert {name: standing[name] for name in wanted} == wanted
        assert page.inner_text(".standing .bars li >> nth=0").split() == ["1–7", "天", "未办结", "5件"]
        clocks = [row.split("\t") for row in page.locator(".clocks tbody tr").all_inner_texts()]
        assert [row[1] for row in clocks] == ["1", "1", "2", "1", "1", "0"]  # who is assigned has two clocks
        assert page.locator(".evidence .large >> nth=0").get_attribute("data-counts") == "1"
        found = dashboard.numbers()
        for href, number in found.items():
            total, rows, added = dashboard.opened(href)
            assert (total if added is None else added, rows) == (number, total), href
        numbers = {each["number"] for each in left}
        total, *_ = dashboard.opened(f"#/cases?counted_as=open&community={HERE}")
        assert (total, {*page.locator(".cases tbody th").all_inner_texts()}) == (5, numbers)
        assert not dashboard.errors
        assert not dashboard.failures
