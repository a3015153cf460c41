"""The whole loop by five people, each at a phone of their own."""

from contextlib import ExitStack, closing

from tests.builders.phone import Phone
from tests.builders.process import PASSWORD

HERE = "330402009036"


def add_inspector(server, username):
    """Makes an account by an administrator: who re-checks is not who reported."""
    with closing(server.client("admin")) as admin:
        grants = [{"role": "inspector", "scope": HERE}]
        new = {"username": username, "name": "复查员", "password": PASSWORD, "grants": grants}
        assert admin.post("/people", json=new).status_code == 201


def test_five_people_carry_a_hazard_from_the_report_to_its_close(chromium, server, drawn):
    add_inspector(server, "checker")
    before, after = drawn(1)[0], drawn(1, "EV-03")[0]
    with ExitStack() as stack:

        def phone(username):
            context = stack.enter_context(chromium.context())
            return Phone(context, server.address).open().sign_in(username)

        inspector = phone("inspector").report(before).wait_until_sent()
        (item,) = inspector.queue()
        hazard = item["hazard"]

        officer = phone("officer")
        officer.page.click(f"text={item['number']}")
        officer.wait_for_state("待受理")
        officer.step(hazard, "accept").wait_for_state("已受理")
        officer.step(hazard, "assign", lead="handler").wait_for_state("已派单")

        handler = phone("handler")
        handler.page.click(f"text={item['number']}")  # among what is assigned to them
        handler.step(hazard, "start").wait_for_state("整改中")
        handler.step(hazard, "request_extension", due_at="2027-03-01", reason="等施工队")

        supervisor = phone("supervisor").go(f"hazards/{hazard}").wait_for_state("整改中")
        supervisor.step(hazard, "decide_extension", granted="true", reason="同意")
        handler.go(f"hazards/{hazard}").page.wait_for_selector("text=决定延期")  # live, without a reload
        handler.step(hazard, "submit_fix", after, method="车辆移出").wait_for_state("待复查")

        checker = phone("checker").go("work")
        checker.page.click(f"text={item['number']}")
        checker.step(hazard, "recheck.pass", note="已整改").wait_for_state("已销号")

        inspector.go(f"hazards/{hazard}").wait_for_state("已销号")
        inspector.page.wait_for_selector(".history li b")
        steps = inspector.page.locator(".history li b").all_inner_texts()
        assert steps[0].startswith("复查")
        assert steps[-1] == "上报"
        inspector.go("inbox").page.wait_for_selector("main .list li")
        assert not [error for each in (inspector, officer, handler, supervisor, checker) for error in each.errors]
    with closing(server.client("officer")) as client:
        closed = client.get(f"/hazards/{hazard}").json()
    assert (closed["state"], closed["outcome"], closed["missing_photos"]) == ("closed", "fixed", [])


def test_a_step_that_came_too_late_is_shown_with_the_present_state(chromium, server, drawn):
    with ExitStack() as stack:
        context = stack.enter_context(chromium.context())
        officer = Phone(context, server.address).open().sign_in("officer")
        officer.go("report").report(*drawn(1)).wait_until_sent()
        hazard = officer.queue()[0]["hazard"]
        officer.go(f"hazards/{hazard}").wait_for_state("待受理")
        context.set_offline(True)
        officer.step(hazard, "note", note="门口堆了三辆车")
        officer.page.wait_for_selector("text=“备注”待发送")
        with closing(server.client("officer")) as other:
            step = {"id": "0190a000-0000-7000-8000-000000000001", "version": 1, "step": "accept"}
            assert other.post(f"/hazards/{hazard}/steps", json=step).status_code == 200
        context.set_offline(False)
        officer.go("outbox").page.wait_for_selector("text=情况已变：现在是“已受理”")
        officer.page.click("button:text-is('按最新情况再做')")
        officer.wait_until_sent(2)
        with closing(server.client("officer")) as other:
            lines = other.get(f"/hazards/{hazard}/history").json()["items"]
        assert [line["step"] for line in lines] == ["report", "accept", "note"]
