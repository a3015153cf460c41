"""The server still understands what clients of an earlier version send: bodies recorded from its tests."""

import json
from pathlib import Path

import pytest

from api.app import assemble_app
from api.http.bodies import decode_body
from api.settings import load_settings

BODIES = [json.loads(line) for line in (Path(__file__).parents[1] / "earlier_bodies.jsonl").read_text().splitlines()]
APP = assemble_app(load_settings({}))
KINDS = {
    f"{method} {route.path_format}": handler.opt["body"]
    for route in APP.routes
    for handler in getattr(route, "route_handlers", ())
    for method in handler.http_methods
    if "body" in handler.opt
}


@pytest.mark.parametrize("recorded", BODIES, ids=[f"{each['operation']} {at}" for at, each in enumerate(BODIES)])
def test_a_body_of_an_earlier_version_is_understood(recorded):
    assert decode_body(json.dumps(recorded["body"]).encode(), KINDS[recorded["operation"]]) is not None


def test_the_recorded_bodies_cover_the_report_every_step_and_the_sign_in():
    operations = {each["operation"] for each in BODIES}
    assert {"POST /api/v1/hazards", "POST /api/v1/auth/login", "POST /api/v1/devices"} <= operations
    steps = {each["body"]["step"] for each in BODIES if each["operation"] == "POST /api/v1/hazards/{hazard_id}/steps"}
    assert {"accept", "assign", "start", "submit_fix", "recheck", "verify", "set_cause", "transfer"} <= steps
