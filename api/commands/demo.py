"""The command `anxun demo`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import rich_click as click

from api.commands.terminal import console, settings
from api.demo.year import load_demo_data


@click.command()
@click.option("--year", type=click.IntRange(2024, 2026), help="Also simulate the office's work in that year.")
def demo(year: int | None) -> None:
    """Load the demo office 新嘉街道; with --year also a year of invented work (演示数据), created by the real actions.

    On SQLite stop the server first.
    """
    load_demo_data(settings(), console, year)
