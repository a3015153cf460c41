"""The command `anxun serve`."""
# click leaves parts of its decorators untyped:
# pyright: reportUnknownMemberType=false

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import rich_click as click

from api.commands.terminal import console, settings

_JEMALLOC_OPTIONS = "dirty_decay_ms:0,muzzy_decay_ms:0"
"""Makes granian's jemalloc, which reads this at import, return free memory at once. Each connection has an
8 kB buffer: in reused pages a silent connection occupies all of it, in fresh ones almost nothing."""


@click.command()
@click.option("--demo", is_flag=True, help="Load the demo office 新嘉街道 first; print its accounts.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Server processes; several need PostgreSQL.")
@click.option("--no-work", is_flag=True, help="Only answer requests; `anxun work` does the background work.")
def serve(*, demo: bool, workers: int, no_work: bool) -> None:
    """Start the server: answer requests, process photos and watch deadlines.

    The database is created or upgraded first. Ctrl-C or SIGTERM stops the server after the accepted requests.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", _JEMALLOC_OPTIONS)
    with _shared_metrics_folder() if workers > 1 else nullcontext():
        from api.commands.server import serve as run  # noqa: PLC0415  # after the environment is set
        from api.process.logs import configure_logs  # noqa: PLC0415  # as above

        configure_logs(settings().log, settings().syslog)
        run(settings(), console, demo=demo, workers=workers, background_work=not no_work)


@contextmanager
def _shared_metrics_folder() -> Generator[None]:
    """Creates a folder in which workers share request metrics; it has to be set before the first metric is created."""
    with tempfile.TemporaryDirectory(prefix="anxun-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield
