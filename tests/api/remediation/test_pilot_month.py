"""The statistics of a pilot month match the alarms, visits and fixes of its seeded script."""

import random
from collections import Counter
from datetime import datetime

from inspections.monitoring.alert_metrics import CAUSES
from tests.builders.api import HERE, PASSWORD
from tests.builders.signed_alerts import register_device, send_alerts

REMOVED, FALSE = 43, 6
COMMUNITIES = (HERE, "330402009030", "330402009031", "330402009040")
METRICS = {
    "residual_current_ma": {"mains": 450, "household": 45, "shop": 250},
    "temperature_c": dict.fromkeys(("mains", "household", "shop"), 82),
    "arc_count": dict.fromkeys(("mains", "household", "shop"), 20),
}
MONTH = {"from": "2026-12-01", "to": "2026-12-31"}


class Pilot:
    """Runs fifty devices, each of which alarms once."""

    def __init__(self, api):
        self.api, self.chance = api, random.Random(43)  # noqa: S311  # no secret
        self.causes = Counter()
        self.minutes = []

    def install_devices(self):
        for number in range(REMOVED + FALSE + 1):
            kind = self.chance.choice(("mains", "household", "shop"))
            place = {"community": self.chance.choice(COMMUNITIES), "kind": kind, "place": f"{number}室"}
            yield f"P-{number}", place, register_device(self.api, f"P-{number}", **place)

    def alarm(self, name, place, secret):
        """Sends an alarm that repeats, as devices do, and may then clear by itself."""
        metric = self.chance.choice(list(METRICS))
        value = METRICS[metric][place["kind"]]
        messages = [
            {"id": str(turn), "metric": metric, "value": value + turn} for turn in range(self.chance.randint(1, 9))
        ]
        verdicts = send_alerts(self.api, secret, messages, name=name)
        if self.chance.random() < 0.5:
            send_alerts(self.api, secret, {"metric": metric, "status": "cleared"}, name=name)
        return verdicts[0]["hazard"]

    def sign_in(self, *usernames):
        """Signs people in again, because tokens last a quarter of an hour."""
        for name in usernames:
            answer = self.api.post(None, "/auth/login", {"username": name, "password": PASSWORD})
            self.api.tokens[name] = answer.json()["access_token"]

    def visit(self, case, *, false):
        """Lets the officer visit the place, record the cause and have it removed, or record a false alarm."""
        api, minutes = self.api, self.chance.randint(5, 60)
        api.clock.advance(minutes=minutes)
        self.sign_in("officer", "handler")
        self.minutes.append(minutes)
        hazard = api.get("officer", f"/hazards/{case}").json()
        if false:
            api.take_step("officer", hazard, "verify", outcome="false_alarm", note="探头松动")
            return
        cause = self.chance.choice(CAUSES)
        self.causes[cause] += 1
        hazard = api.take_step("officer", hazard, "set_cause", category=cause, reason="现场核查")
        hazard = api.take_step("officer", hazard, "assign", lead="handler")
        hazard = api.take_step("handler", hazard, "start")
        after = [{"sha256": api.photo("handler"), "stage": "after"}]
        hazard = api.take_step("handler", hazard, "submit_fix", method="更换线路", quantity_done=1, photos=after)
        api.take_step("officer", hazard, "recheck", result="pass", note="已整改")


def test_the_statistics_count_forty_three_removed_causes(api):
    pilot = Pilot(api)
    api.clock.now = datetime.fromisoformat("2026-12-01T09:00:00+08:00")
    api.sign_in_again()
    installed = list(pilot.install_devices())
    for number, (name, place, secret) in enumerate(installed):
        case = pilot.alarm(name, place, secret)
        if number < REMOVED + FALSE:
            pilot.visit(case, false=number >= REMOVED)
        api.clock.advance(hours=pilot.chance.randint(6, 13))
    api.sign_in_again()
    figures = api.get("analyst", "/statistics/alerts", params=MONTH).json()
    total = figures["total"]
    told = {"devices": 50, "alerts": 50, "checks": 50, "visited": 49, "causes": 43, "removed": 43, "open": 1}
    assert {name: total[name] for name in told} == told
    assert {code: total[f"cause_{code}"] for code in CAUSES} == {code: pilot.causes[code] for code in CAUSES}
    assert (total["false_alarms"], total["false_alarm_rate"]) == (FALSE, round(FALSE / 49, 6))
    assert (total["removal_rate"], total["minutes_to_visit"]) == (1.0, sorted(pilot.minutes)[24])
    for rows in (figures["items"], figures["kinds"]):
        assert sum(row["removed"] for row in rows) == 43
        assert sum(row["alerts"] for row in rows) == 50
    assert len([row for row in figures["items"] if row["causes"]]) == len(COMMUNITIES)
    # an alarm is no hazard found; its cause is
    hazards = api.get("analyst", "/statistics/communities", params=MONTH).json()["total"]
    assert (hazards["received"], hazards["fixed"], hazards["closed"], hazards["open"]) == (43, 43, 43, 0)
    assert api.get("analyst", "/statistics/alerts", params={"to": "2026-11-30"}).json()["total"]["alerts"] == 0
