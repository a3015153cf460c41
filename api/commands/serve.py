"""The command `anxun serve`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import rich_click as click

from api.commands.terminal import console, settings

_FREE_AT_ONCE = "dirty_decay_ms:0,muzzy_decay_ms:0"
"""How jemalloc, in granian, gives memory back; it is read when granian is imported. Each connection has a buffer of
8 kB: in pages that were used before, a silent one holds all of it, in fresh ones next to nothing."""


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo office 新嘉街道 first, and print its sign-ins.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that answer; PostgreSQL only.")
@click.option("--no-work", is_flag=True, help="Only answer: photos and deadlines are left to `anxun work`.")
def serve(*, demo: bool, workers: int, no_work: bool) -> None:
    """Answer requests, develop photos and watch deadlines: on SQLite all in one process.

    Brings the database to the present schema first. Stop with Ctrl-C or SIGTERM: what was accepted is finished.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", _FREE_AT_ONCE)
    with _counting_together() if workers > 1 else nullcontext():
        from api.commands.server import serve as run  # noqa: PLC0415  # after the environment is set
        from api.process.logs import configure  # noqa: PLC0415  # as above

        configure(settings().log, settings().syslog)
        run(settings(), console, demo=demo, workers=workers, works=not no_work)


@contextmanager
def _counting_together() -> Generator[None]:
    """Workers count requests into files that they share (metrics.py); asked for before anything counts."""
    with tempfile.TemporaryDirectory(prefix="anxun-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield
