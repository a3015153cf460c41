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
from api.demo.devices import Mix
from api.monitoring.mqtt import broker_of

_SHARE = click.FloatRange(0, 1)
_USUAL = Mix()


class _Asked(Struct):
    """The options of `anxun simulate devices`, by their names."""

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
    """Invented devices, for demonstrations and for load."""


@simulate.command(name="devices")
@click.option("--url", default=None, help="The server; by default the one that the settings describe.")
@click.option("--as", "username", default="admin", help="Who registers them.")
@click.option("--devices", type=click.IntRange(1, 9999), default=20, help="How many: SIM-0000, SIM-0001 …")
@click.option("--rate", type=click.FloatRange(0, 100_000, min_open=True), default=10.0, help="Messages a second.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=60.0)
@click.option("--alarms", type=_SHARE, default=_USUAL.alarms, help="Share of spells in which a device alarms.")
@click.option("--flapping", type=_SHARE, default=_USUAL.flapping, help="… in which it comes and goes.")
@click.option("--garbage", type=_SHARE, default=_USUAL.garbage, help="Share of messages that nobody can read.")
@click.option("--wrong-clocks", type=_SHARE, default=_USUAL.wrong_clocks, help="… that are misdated.")
@click.option("--mqtt", default=None, help="Through this broker (mqtt://user:password@host), not by signed requests.")
@click.option("--seed", type=int, default=1, help="The same seed says the same.")
def simulate_devices(**given: Any) -> None:
    """Register invented devices at a running server and let them speak, some of them badly.

    The password comes from ANXUN_DEMO_PASSWORD or the demo office's folder, else it is asked for. At the end it says
    what became of the messages; the alerts are in GET /alerts, what was not taken in GET /alerts/refusals.
    """
    asked, known = msgspec.convert(given, _Asked), settings()
    plan = simulation.Plan(
        f"{(asked.url or f'http://{known.host}:{known.port}').rstrip('/')}/api/v1",
        asked.username,
        _password(known.folder / "demo-password"),
        asked.devices,
        asked.rate,
        asked.seconds,
        asked.seed,
        Mix(asked.alarms, asked.flapping, asked.garbage, asked.wrong_clocks),
        broker_of(replace(known, mqtt=asked.mqtt)) if asked.mqtt else None,
    )
    columns = (TextColumn("messages"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("messages", total=int(asked.rate * asked.seconds))
        done = asyncio.run(simulation.simulate(plan, lambda said: bar.update(task, completed=said.total())))
    console.print(_table(done))


def _password(kept: Path) -> str:
    given = os.environ.get("ANXUN_DEMO_PASSWORD")
    if given:
        return given
    return kept.read_text().strip() if kept.exists() else click.prompt("Password", hide_input=True)


def _table(done: Counter[str]) -> Table:
    table = Table("what became of it", "messages")
    for name, number in done.most_common():
        table.add_row(name, f"{number:,}")
    return table
