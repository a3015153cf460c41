"""The shipped Grafana dashboard queries existing addresses and finds the columns that it shows."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.builders.day_of_cases import create_cases

GRAFANA = Path(__file__).parents[3] / "docker" / "grafana"
BOARD = json.loads((GRAFANA / "dashboards" / "anxun.json").read_text())
DAYS = {"${__from:date:YYYY-MM-DD}": "2026-11-01", "${__to:date:YYYY-MM-DD}": "2026-11-30"}


@pytest.mark.parametrize("panel", BOARD["panels"], ids=[panel["title"] for panel in BOARD["panels"]])
def test_every_panel_finds_the_columns_that_it_shows(api, panel):
    create_cases(api)
    (target,) = panel["targets"]
    address = target["url"].removeprefix("${url}/api/v1")
    for words, day in DAYS.items():
        address = address.replace(words, day)
    answer = api.get("analyst", address)
    assert answer.status_code == 200, answer.text
    found = answer.json()[target["root_selector"]]
    rows = found if isinstance(found, list) else [found]
    assert rows
    for column in target["columns"]:
        values = [row[column["selector"]] for row in rows]
        if column["type"] == "number":
            assert all(value is None or isinstance(value, int | float) for value in values)
        elif column["type"] == "timestamp":
            assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values)


def test_the_dashboard_is_provisioned_with_the_data_source_of_its_panels():
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "anxun.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {source["uid"]}
    assert {panel["datasource"]["type"] for panel in BOARD["panels"]} == {source["type"]}
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "anxun.yaml").read_text())["providers"]
    assert provider["options"]["path"].startswith("/etc/grafana")
    assert "http" not in json.dumps(BOARD).replace("http://anxun:8000", "")
