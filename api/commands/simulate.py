"""The commands `anxun simulate …`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from msgspec import Struct
from msgspec.structs import replace
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.commands.terminal import console, settings
from api.demo import simulation
from api.demo.devices import MessageMix
from api.monitoring.mqtt import broker_from_settings

_SHARE = click.FloatRange(0, 1)
_DEFAULT_MIX = MessageMix()


class _SimulationOptions(Struct):
    """The options of the command `anxun simulate devices`."""

    url: str | None
    username: str
    devices: int
    rate: float
    seconds: float
    alarms: float
    flapping: float
    garbage: float
    wrong_clocks: float
    mqtt: str | None
    seed: int


@click.group()
def simulate() -> None:
    """Simulate devices, for demonstrations and load tests."""


@simulate.command(name="devices")
@click.option("--url", default=None, help="The server; by default the one of the settings.")
@click.option("--as", "username", default="admin", help="The account that registers the devices.")
@click.option("--devices", type=click.IntRange(1, 9999), default=20, help="Number of devices: SIM-0000, SIM-0001 …")
@click.option("--rate", type=click.FloatRange(0, 100_000, min_open=True), default=10.0, help="Messages a second.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=60.0)
@click.option("--alarms", type=_SHARE, default=_DEFAULT_MIX.alarms, help="Share of periods in alarm.")
@click.option("--flapping", type=_SHARE, default=_DEFAULT_MIX.flapping, help="Share of periods of flapping.")
@click.option("--garbage", type=_SHARE, default=_DEFAULT_MIX.garbage, help="Share of unreadable messages.")
@click.option("--wrong-clocks", type=_SHARE, default=_DEFAULT_MIX.wrong_clocks, help="Share of misdated messages.")
@click.option("--mqtt", default=None, help="Send through this broker (mqtt://user:password@host) instead of HTTP.")
@click.option("--seed", type=int, default=1, help="The same seed produces the same messages.")
def simulate_devices(**given: Any) -> None:
    """Register simulated devices at a running server and send their messages, some of them faulty.

    The password is read from ANXUN_DEMO_PASSWORD or the demo office's folder, or asked for. The outcome of the
    messages is printed at the end; see GET /alerts for the alerts and GET /alerts/refusals for rejected messages.
    """
    asked, known = msgspec.convert(given, _SimulationOptions), settings()
    plan = simulation.SimulationPlan(
        f"{(asked.url or f'http://{known.host}:{known.port}').rstrip('/')}/api/v1",
        asked.username,
        _read_password(known.folder / "demo-password"),
        asked.devices,
        asked.rate,
        asked.seconds,
        asked.seed,
        MessageMix(asked.alarms, asked.flapping, asked.garbage, asked.wrong_clocks),
        broker_from_settings(replace(known, mqtt=asked.mqtt)) if asked.mqtt else None,
    )
    columns = (TextColumn("messages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("messages", total=int(asked.rate * asked.seconds))
        done = asyncio.run(simulation.simulate(plan, lambda verdicts: bar.update(task, completed=verdicts.total())))
    console.print(_result_table(done))


def _read_password(kept: Path) -> str:
    given = os.environ.get("ANXUN_DEMO_PASSWORD")
    if given:
        return given
    return kept.read_text().strip() if kept.exists() else click.prompt("Password", hide_input=True)


def _result_table(done: Counter[str]) -> Table:
    table = Table("what became of it", "messages")
    for name, number in done.most_common():
        table.add_row(name, f"{number:,}")
    return table
