"""The command `anxun`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import os
import sys
from typing import NoReturn

import rich_click as click
from rich.console import Console
from sqlalchemy.exc import OperationalError

from api.settings import BadSettings, Settings, load
from storage.database import NotInstalled
from storage.sqlite import Locked

console = Console(highlight=False)


def settings() -> Settings:
    return load(os.environ)


@click.group()
@click.version_option(package_name="anxun")
def commands() -> None:
    """Anxun 安巡: the backend of a sub-district office's safety inspection.

    Settings come from the environment: ANXUN_DATA (folder of the embedded default, ./anxun-data), ANXUN_HOST and
    ANXUN_PORT (127.0.0.1:8000), ANXUN_DEMO_PASSWORD, ANXUN_CONFIG (a TOML file with the same names in lower case).
    """


@commands.command()
@click.option("--demo", is_flag=True, help="Load the demo office 新嘉街道 first, and print its sign-ins.")
def serve(*, demo: bool) -> None:
    """Answer requests, develop photos and watch deadlines, all in one process on SQLite.

    Brings the database to the present schema first. Stop with Ctrl-C or SIGTERM: what was accepted is finished.
    """
    from api.logs import configure  # noqa: PLC0415  # each command loads only what it needs
    from api.server import serve as run  # noqa: PLC0415

    configure(settings().log)
    run(settings(), console, demo=demo)


@commands.command()
def migrate() -> None:
    """Create the database, or bring it to the present schema."""
    from storage.database import owned  # noqa: PLC0415
    from storage.migration import migrate as upgrade  # noqa: PLC0415

    with owned(settings().database_url):
        upgrade(settings().database_url)
    console.print(f"{settings().database_url} is up to date")


@commands.command()
@click.option("--year", type=click.IntRange(2024, 2026), help="Also simulate that year of the office's work.")
def demo(year: int | None) -> None:
    """Load the demo office 新嘉街道; with --year, a whole year of invented work (演示数据) through the same actions.

    Needs the database to itself: stop the server first.
    """
    from api.demo.year import load  # noqa: PLC0415

    load(settings(), console, year)


@commands.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    from api.app import build  # noqa: PLC0415
    from api.system import description  # noqa: PLC0415

    click.echo(description(build(Settings())))


def main() -> None:
    """Runs a command; what a person can put right is said in a line and exits with 2."""
    try:
        commands(standalone_mode=True)
    except (BadSettings, Locked, NotInstalled, OSError) as error:
        _refuse(str(error))
    except OperationalError as error:
        _refuse(f"database: {error.orig}")


def _refuse(words: str) -> NoReturn:
    Console(stderr=True).print(words, style="red", markup=False)
    sys.exit(2)
