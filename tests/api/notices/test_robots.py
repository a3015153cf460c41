"""Robots of chat groups: the platform's own code decides, and each group is told once, whatever others do."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations

import pytest
from litestar.testing import TestClient
from msgspec.structs import replace
from sqlalchemy import select

from api.app import build_app
from api.http.outbound import SendFailure
from api.notices.envelopes import Envelope, NoticeSubject
from api.notices.robots import PLATFORMS, open_robots
from api.settings import Settings
from inspections.hazards.records import State
from storage.notices.tables import deliveries
from tests.builders.api import MONDAY, Api
from tests.builders.chat_platforms import LIMITS, REFUSALS, ChatPlatform
from tests.builders.office import new_id
from tests.builders.sink import run_server
from tests.builders.waiting import poll_until

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HAZARD = NoticeSubject(new_id(), "XJ-2026-000001", State.ASSIGNED, 3, "330402009036", "EB-01")
NOTICE = Envelope(new_id(), "assign", NOW, ("zhao",), HAZARD, "新派单", "请及时签收。")
GROUPS = [each for size in range(4) for each in combinations(sorted(PLATFORMS), size)]
each_platform = pytest.mark.parametrize("platform", PLATFORMS)


@pytest.fixture
def gateway():
    with run_server(ChatPlatform()) as gateway:
        yield gateway


def address(platform, gateway, group="group", secret=""):
    return f"{platform}://{secret}{'@' if secret else ''}{group}?server=http://127.0.0.1:{gateway.port}"


def tell(platform, gateway, envelope=NOTICE, **named):
    (robot,) = open_robots(Settings(robots=address(platform, gateway, **named), intranet="127.0.0.1"))

    async def story():
        try:
            await robot.deliver(envelope, NOW)
        finally:
            await robot.close()

    asyncio.run(story())


@each_platform
def test_a_group_gets_the_notice_behind_the_constant_keyword(gateway, platform):
    tell(platform, gateway)
    assert gateway.texts == {"group": ["【安巡】新派单\n请及时签收。"]}


@each_platform
def test_a_robot_with_a_secret_signs_its_messages(gateway, platform):
    gateway.secret = "SECa+b/c"
    tell(platform, gateway, secret="SECa%2Bb%2Fc")
    assert list(gateway.texts) == ["group"]


@each_platform
def test_a_refusal_in_an_answer_of_200_is_a_failure_with_the_words_of_the_platform(gateway, platform):
    gateway.says[platform] = REFUSALS[platform]
    code, words = REFUSALS[platform].values()
    with pytest.raises(SendFailure, match=f"answered {code}: {words}") as failure:
        tell(platform, gateway)
    assert failure.value.wait is None


@each_platform
def test_a_platform_says_how_long_it_wants_nothing_more(gateway, platform):
    gateway.says[platform] = LIMITS[platform]
    gateway.headers["x-ogw-ratelimit-reset"] = "37"
    with pytest.raises(SendFailure) as failure:
        tell(platform, gateway)
    expected = {"dingtalk": 600, "wecombot": 60, "feishu": 37}
    assert failure.value.wait == timedelta(seconds=expected[platform])


@each_platform
@pytest.mark.parametrize("broken", [b"", b"<html>", b"{}", b"[1]", b'{"errcode": "0", "code": "0"}', b"\xff"])
def test_an_answer_without_a_code_is_a_failure(gateway, platform, broken):
    gateway.says[platform] = broken
    with pytest.raises(SendFailure, match="without a code"):
        tell(platform, gateway)


def test_a_silent_platform_is_given_up(gateway, monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 0.3)
    gateway.says["dingtalk"] = "hang"
    with pytest.raises(SendFailure, match="no answer"):
        tell("dingtalk", gateway)


def test_a_redirect_is_not_followed(gateway):
    with run_server(ChatPlatform()) as outer:
        outer.meet = lambda handler, how, body: (  # noqa: ARG005  # as Sink calls it
            handler.send_response(307),
            handler.send_header("Location", f"http://127.0.0.1:{gateway.port}/robot/send?access_token=x"),
            handler.send_header("Content-Length", "0"),
            handler.end_headers(),
        )
        with pytest.raises(SendFailure):
            tell("dingtalk", outer)
    assert gateway.calls == []


@each_platform
def test_what_people_wrote_mentions_nobody_and_links_to_nothing(gateway, platform):
    words = '<at user_id="all">所有人</at> @all [点这里](http://evil.example) ![](http://evil.example/x.png)'
    tell(platform, gateway, replace(NOTICE, title=words, text=words))
    (text,) = gateway.texts["group"]
    assert not set("<>@[]") & set(text), text
    assert "所有人" in text


@each_platform
def test_a_long_text_is_cut_between_letters(gateway, platform):
    tell(platform, gateway, replace(NOTICE, text="堆物" * 9_000))
    (text,) = gateway.texts["group"]
    assert PLATFORMS[platform].max_bytes - 4 < len(text.encode()) <= PLATFORMS[platform].max_bytes
    assert set(text.removeprefix("【安巡】新派单\n")) == set("堆物")


# one group of several is broken -----------------------------------------------------------------------------------


@pytest.fixture
def api(tmp_path, clock, demo_office, gateway):
    """Return the application with a group on each platform, whose robots have the gateway in this test."""
    shutil.copytree(demo_office[0], tmp_path / "data")
    robots = " ".join(address(platform, gateway, platform) for platform in PLATFORMS)
    told = Settings(data=str(tmp_path / "data"), tick_seconds=0.02, robots=robots, intranet="127.0.0.1")
    with TestClient(build_app(told, clock), raise_server_exceptions=False) as client:
        yield Api(client, clock, dict(demo_office[1]), tmp_path / "data")


def poll_while_time_passes(api, condition, most=3_000):
    """Wait for a condition; the server's clock goes on by two seconds at each look, by at most `most` seconds."""
    begun = api.clock.now

    def look():
        if (api.clock.now - begun).total_seconds() < most:
            api.clock.advance(seconds=2)
        return condition()

    poll_until(look)


async def dead_letters(database):
    return await database.read(
        lambda repository: repository.rows(
            select(deliveries).where(deliveries.c.dead_at > MONDAY, deliveries.c.hazard.is_not(None))
        )
    )


def sent_to(gateway, platform):
    """Return how often the robot of a platform has tried."""
    paths = {"dingtalk": "/robot/send", "wecombot": "/cgi-bin", "feishu": "/open-apis"}
    return sum(path.startswith(paths[platform]) for path, _, _ in list(gateway.calls))


def count_texts(gateway):
    """Count the texts about a new report of each group; an overdue one is told too while time passes."""
    return {
        group: count
        for group, texts in list(gateway.texts.items())
        if (count := sum(text.startswith("【安巡】紧急隐患待受理") for text in list(texts)))
    }


@pytest.mark.parametrize("healthy", GROUPS, ids="-".join)
def test_each_healthy_group_is_told_once_however_often_others_fail(api, gateway, healthy):
    broken = sorted(PLATFORMS.keys() - {*healthy})
    gateway.says = {platform: REFUSALS[platform] for platform in broken}
    api.report("inspector")
    for platform in broken:
        poll_while_time_passes(api, lambda: sent_to(gateway, platform) >= 3)  # noqa: B023
    poll_until(lambda: count_texts(gateway).keys() >= {*healthy})
    assert count_texts(gateway) == dict.fromkeys(healthy, 1)
    gateway.says = {}
    poll_while_time_passes(api, lambda: count_texts(gateway).keys() == PLATFORMS.keys())
    assert count_texts(gateway) == dict.fromkeys(PLATFORMS, 1)


def test_a_group_that_gets_too_many_messages_is_left_alone_for_as_long_as_it_says(api, gateway):
    gateway.says = {platform: LIMITS[platform] for platform in PLATFORMS}
    gateway.headers["x-ogw-ratelimit-reset"] = "300"
    api.report("inspector")
    for platform in PLATFORMS:
        poll_until(lambda: sent_to(gateway, platform) == 1)  # noqa: B023  # called at once
    gateway.says = {}
    for _ in range(3):
        api.report("inspector")
    poll_while_time_passes(api, lambda: len(gateway.texts.get("wecombot", ())) == 4, most=200)
    assert (sent_to(gateway, "dingtalk"), sent_to(gateway, "feishu")) == (1, 1)
    poll_while_time_passes(api, lambda: len(gateway.texts.get("feishu", ())) == 4, most=300)
    assert sent_to(gateway, "dingtalk") == 1
    poll_while_time_passes(api, lambda: len(gateway.texts.get("dingtalk", ())) == 4)


def test_a_refusal_ends_as_a_dead_letter_with_the_words_of_the_platform(api, gateway, monkeypatch):
    monkeypatch.setattr("inspections.notices.actions.delivery.TRIES", 3)
    gateway.says = {"dingtalk": REFUSALS["dingtalk"]}
    api.report("inspector")
    letters = partial(dead_letters, api.client.app.state.context.database)
    poll_while_time_passes(api, lambda: api.client.blocking_portal.call(letters))
    api.sign_in_again()
    (dead,) = api.get("admin", "/deliveries").json()["items"]
    assert dead["channel"].startswith("dingtalk-")
    assert dead["error"] == "answered 310000: keywords not in content"
