"""Supervising a major hazard needs its five arrangements (五落实), also on a phone without a network."""

import uuid
from contextlib import closing

from tests.builders.phone import Phone

FIVE = {
    "responsible": "张三",
    "measures": "断电、值守",
    "funds": "五万元",
    "time_limit": "2027-03-01",
    "plan": "疏散预案",
}
SAID = {"time_limit": "2027-03-01T16:00:00Z"}


def propose_major(server, phone, drawn):
    """Reports a hazard and proposes it as major; returns it."""
    phone.sign_in("inspector").report(*drawn(1)).wait_until_sent()
    (item,) = phone.queue()
    with closing(server.client("officer")) as officer:
        for version, step in enumerate(({"step": "accept"}, {"step": "propose_major", "basis": "合用场所住人"}), 1):
            body = {"id": str(uuid.uuid4()), "version": version, **step}
            assert officer.post(f"/hazards/{item['hazard']}/steps", json=body).status_code == 200
    return item["hazard"]


def open_step(phone, hazard, step):
    """Taps the way from the hazard to the step."""
    phone.go(f"hazards/{hazard}").page.wait_for_selector("details summary")
    phone.page.click("details summary")
    phone.page.click(f"details >> text={step}")
    phone.page.wait_for_selector("form .foot")


def read(server, hazard):
    with closing(server.client("supervisor")) as supervisor:
        return supervisor.get(f"/hazards/{hazard}").json()


def test_a_major_hazard_is_confirmed_and_supervised_without_a_network(chromium, server, drawn):
    with chromium.context() as reporting, chromium.context() as context:
        hazard = propose_major(server, Phone(reporting, server.address).open(), drawn)
        phone = Phone(context, server.address).open().sign_in("supervisor")
        open_step(phone, hazard, "督办")
        assert phone.page.locator("#step-funds").count() == 0  # it is not major yet
        phone.go(f"hazards/{hazard}").wait_for_state("已受理")
        context.set_offline(True)
        phone.step(hazard, "confirm_major", confirmed="true", authority="街道", document="新街〔2026〕1号")
        open_step(phone, hazard, "督办")
        phone.page.wait_for_selector("h2:text('五落实')")
        phone.page.locator("input[name=step-level][value=district]").check(force=True)
        phone.page.fill("#step-document", "新街〔2026〕2号")
        phone.page.click("form button.main")
        phone.page.wait_for_selector(".foot >> text=请填写：责任（整改责任人）")
        assert phone.page.evaluate("document.activeElement.id") == "step-responsible"
        assert phone.page.locator("form .wrong").count() == len(FIVE)
        for name, words in FIVE.items():
            phone.page.fill(f"#step-{name}", words)
        phone.page.click("form button.main")
        phone.page.wait_for_selector("text=“督办”待发送")
        assert read(server, hazard)["severity"] == "general"
        context.set_offline(False)
        phone.wait_until_sent(2)
        phone.page.wait_for_selector("dd:text-is('五万元')")  # on the page of the hazard
        phone.page.wait_for_selector("dd:text-is('区 · 新街〔2026〕2号')")
        assert not phone.errors
    found = read(server, hazard)
    assert (found["severity"], found["supervision"]["level"]) == ("major", "district")
    assert found["supervision"]["arrangements"] == FIVE | SAID


def test_a_confirmation_that_is_sent_while_the_form_is_open_takes_no_field_away(chromium, server, drawn):
    with chromium.context() as reporting, chromium.context() as context:
        hazard = propose_major(server, Phone(reporting, server.address).open(), drawn)
        phone = Phone(context, server.address).open().sign_in("supervisor")
        phone.go(f"hazards/{hazard}").wait_for_state("已受理")
        context.set_offline(True)
        phone.step(hazard, "confirm_major", confirmed="true", authority="街道", document="新街〔2026〕1号")
        open_step(phone, hazard, "督办")
        phone.page.fill("#step-funds", FIVE["funds"])
        with phone.page.expect_event("requestfinished", lambda each: each.url.endswith(f"/hazards/{hazard}")):
            context.set_offline(False)  # the form reads the hazard again, whose version is another now
        phone.page.locator("input[name=step-level][value=district]").check(force=True)
        for name, words in {"document": "新街〔2026〕2号", **FIVE}.items():
            if name != "funds":
                phone.page.fill(f"#step-{name}", words)
        phone.page.click("form button.main")
        phone.wait_until_sent(2)
    assert read(server, hazard)["supervision"]["arrangements"]["funds"] == FIVE["funds"]
