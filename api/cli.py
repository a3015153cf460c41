"""The command `anxun`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from api.cli_import import imports
from api.cli_simulate import simulate
from api.settings import Settings, load
from storage.failures import Unready, unavailable
from storage.findings import Finding
from storage.photo_store import PhotoStore
from storage.private_files import create_private_files

console = Console(highlight=False)

_FREE_AT_ONCE = "dirty_decay_ms:0,muzzy_decay_ms:0"
"""How jemalloc, in granian, gives memory back; it is read when granian is imported. Each connection has a buffer of
8 kB: in pages that were used before, a silent one holds all of it, in fresh ones next to nothing."""


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
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that answer; PostgreSQL only.")
@click.option("--no-work", is_flag=True, help="Only answer: photos and deadlines are left to `anxun work`.")
def serve(*, demo: bool, workers: int, no_work: bool) -> None:
    """Answer requests, develop photos and watch deadlines: on SQLite all in one process.

    Brings the database to the present schema first. Stop with Ctrl-C or SIGTERM: what was accepted is finished.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", _FREE_AT_ONCE)
    with _counting_together() if workers > 1 else nullcontext():
        from api.logs import configure  # noqa: PLC0415  # each command loads only what it needs
        from api.server import serve as run  # noqa: PLC0415

        configure(settings().log, settings().syslog)
        run(settings(), console, demo=demo, workers=workers, works=not no_work)


@contextmanager
def _counting_together() -> Generator[None]:
    """Workers count requests into files that they share (metrics.py); asked for before anything counts."""
    with tempfile.TemporaryDirectory(prefix="anxun-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


@commands.command()
def work() -> None:
    """Develop photos, watch deadlines and do what recurs, beside servers on the same PostgreSQL; as many as you like.

    Work is claimed in the database: nothing is done twice, and what a killed process had begun is taken up by another.
    """
    from api.logs import configure  # noqa: PLC0415
    from api.server import work as run  # noqa: PLC0415

    configure(settings().log, settings().syslog)
    run(settings())


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
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Copy database and photos into the new FOLDER, also while the server runs.

    The database is copied in one step, then every photo that it knows. FOLDER has its name only when it is complete.
    Whatever they were kept in, FOLDER holds an SQLite file and photos.
    """
    from storage import backup as copies  # noqa: PLC0415
    from storage.migration import check  # noqa: PLC0415

    check(settings().database_url)
    with _progress("copying photos") as advance:
        found = list(copies.backup(settings().database_url, _photos(), folder, advance))
    _report(found, f"{folder}: database and photos are copied")


@commands.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def restore(folder: Path) -> None:
    """Put the backup in FOLDER where there is nothing yet. Then: anxun verify.

    Into SQLite or PostgreSQL, a folder or a bucket: as ANXUN_DATABASE and ANXUN_PHOTOS say, wherever it was taken.
    """
    from storage import backup as copies  # noqa: PLC0415
    from storage.database import owned  # noqa: PLC0415

    with owned(settings().database_url), _progress("copying photos") as advance:
        found = list(copies.restore(folder, settings().database_url, _photos(), advance))
    _report(found, "database and photos are restored")


@commands.command()
def verify() -> None:
    """Check that everything kept is whole, also while the server runs: photos, histories, daily digests, numbers.

    What is not as it should be is named, a line each; the exit status is then 1.
    """
    from storage.database import open_database  # noqa: PLC0415
    from storage.migration import check  # noqa: PLC0415
    from storage.verification import verify as findings  # noqa: PLC0415

    check(settings().database_url)
    database = open_database(settings().database_url)
    with _progress("reading photos") as advance:
        found = list(findings(database, _photos(), advance, settings().digest_folder))
    asyncio.run(database.close())
    _report(found, "everything is whole")


@commands.command()
def recount() -> None:
    """Count everything anew from the hazards, where `anxun verify` has found a count that is wrong.

    Needs the database to itself: stop every server first.
    """
    from storage.counters import recount as count_anew  # noqa: PLC0415
    from storage.database import owned  # noqa: PLC0415
    from storage.migration import check  # noqa: PLC0415

    with owned(settings().database_url):
        check(settings().database_url)
        count_anew(settings().database_url)
    console.print("everything is counted anew")


@commands.group()
def history() -> None:
    """All histories in one file, and that file checked without the database."""


@history.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export(file: Path) -> None:
    """Write every line of every history to FILE (JSON, a record a line), also while the server runs."""
    from storage.database import open_database  # noqa: PLC0415
    from storage.history_file import export as write  # noqa: PLC0415
    from storage.migration import check  # noqa: PLC0415

    check(settings().database_url)
    database = open_database(settings().database_url)
    with _progress("writing histories") as advance:
        written = write(database, file, advance)
    asyncio.run(database.close())
    console.print(f"{file}: {written.lines} lines of {written.hazards} hazards")


@history.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--digests", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Their folder.")
def verify_history(file: Path, digests: Path | None) -> None:
    """Check an exported FILE, without any database: every line against its digest, every chain against its head.

    With --digests also against the daily digests, which show a chain written anew and an end cut off.
    """
    from storage.history_file import check  # noqa: PLC0415

    with _progress("reading histories") as advance:
        found = list(check(file, digests, advance))
    _report(found, "every history is whole")


def _photos() -> PhotoStore:
    from storage.photo_store import open_photos  # noqa: PLC0415

    return open_photos(settings().photo_place, settings().scratch)


def _report(found: list[Finding], well: str) -> None:
    """Each finding on a line, and 1 as exit status where there is any."""
    for what, where in found:
        console.print(f"{what}: {where}", soft_wrap=True)
    console.print(f"{len(found)} findings" if found else well)
    sys.exit(1 if found else 0)


@contextmanager
def _progress(words: str) -> Generator[Callable[[int, int], None]]:
    with Progress(TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@commands.group()
def user() -> None:
    """Make the first accounts, and list them; the others an administrator makes by POST /people."""


@user.command("add")
@click.argument("username")
@click.option("--name", required=True, help="As people read it.")
@click.option("--role", "roles", multiple=True, help="ROLE:SCOPE, such as inspector:330402009036; ROLE: for all.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), help="Its first line; else asked for.")
def add_user(username: str, name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """Make the account USERNAME, with any number of roles. Needs the database to itself: stop the server first."""
    from api.accounts import add  # noqa: PLC0415

    if password_file:
        password = password_file.read_text().partition("\n")[0].rstrip("\r")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    add(settings().database_url, username, name, roles, password, settings().asks)
    console.print(f"{username} is there")


@user.command("list")
def list_users() -> None:
    """Every account with its roles, also while the server runs."""
    from api.accounts import listed  # noqa: PLC0415

    for line in listed(settings().database_url):
        console.print(line, soft_wrap=True, markup=False)


@commands.group()
def notices() -> None:
    """Deliveries of notices that were given up."""


@notices.command()
def dead() -> None:
    """List what was given up, a line each, also while the server runs: id, channel, recipients, how it ended."""
    from api.dead_letters import listed  # noqa: PLC0415

    lines = listed(settings().database_url)
    for line in lines or ["nothing was given up"]:
        console.print(line, soft_wrap=True, markup=False)


@notices.command(name="replay")
@click.argument("delivery", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
def replay_notices(delivery: UUID | None, *, everything: bool) -> None:
    """Try DELIVERY again. On SQLite stop the server first, or use POST /deliveries/{id}/replay."""
    from api.dead_letters import replayed  # noqa: PLC0415

    if (delivery is None) is not everything:
        raise click.UsageError("name a DELIVERY, or --all")
    console.print(f"{replayed(settings().database_url, delivery)} deliveries are tried again")


@commands.command()
def openapi() -> None:
    """Print the OpenAPI document of the API."""
    from api.app import describe  # noqa: PLC0415

    click.echo(describe(Settings()))


commands.add_command(imports)
commands.add_command(simulate)


def main() -> None:
    """Runs a command; what a person can put right is said in a line and exits with 2."""
    create_private_files()
    try:
        commands(standalone_mode=True)
    except (Unready, OSError) as error:
        _refuse(str(error))
    except DBAPIError as error:
        if unavailable(error) is None:
            raise
        _refuse(f"database: {error.orig}")


def _refuse(words: str) -> NoReturn:
    Console(stderr=True).print(words, style="red", markup=False)
    sys.exit(2)
