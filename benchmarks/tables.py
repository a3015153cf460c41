"""Formats measurements as tables and lines. Figures are medians of the rounds; failed requests are summed."""

import math
from collections.abc import Callable, Iterable
from operator import attrgetter
from statistics import median
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from benchmarks.measure import Window

OURS = "Anxun"
MIXED, BURST = "JSON report while 8 clients send forms", "burst of forms"
BUSY = 0.15


class Cell(NamedTuple):
    kind: str
    clients: int


Results = dict[Cell, dict[str, list[Window]]]


class Figure(NamedTuple):
    """A row of the table. `best`: max if more is better, min if less is."""

    heading: str
    value: str
    digits: int
    best: Callable[[Iterable[float]], float]


ANSWERED = [
    Figure("reports/s", "rate", 1, max),
    Figure("p50 ms", "p50_ms", 1, min),
    Figure("p99 ms", "p99_ms", 1, min),
    Figure("CPU ms per report", "cpu_ms", 2, min),
]
DEVELOPED = [
    Figure("reports/s, until developed", "done_rate", 1, max),
    Figure("CPU ms, until developed", "done_cpu_ms", 2, min),
]
BESIDE = Figure("forms/s meanwhile", "beside", 1, max)
WANTED = {(MIXED, "rate"): 1.5, (MIXED, "p99_ms"): 0.5}


def line(number: int, cell: Cell, name: str, window: Window) -> str:
    failed = f" [bold red]{window.failed} failed[/]" if window.failed else ""
    busy = f" [yellow]{window.others:.0%} of the machine was busy otherwise[/]" if window.others > BUSY else ""
    return (
        f"{number}. {cell.kind} × {cell.clients}: {name} {window.rate:.1f}/s, {window.cpu_ms:.1f} CPU ms{busy}{failed}"
    )


def table(cell: Cell, windows: dict[str, list[Window]]) -> Table:
    title = f"{cell.kind}: {cell.clients} clients, {len(windows[OURS])} round(s)"
    shown = Table("", title=title, title_justify="left", title_style="bold")
    for name in windows:
        shown.add_column(name, justify="right")
    shown.add_column("Anxun / best rival", justify="right", style="bold")
    for figure in _select_figures(cell, windows[OURS]):
        each = [_format_median(figure, measured) for measured in windows.values()]
        shown.add_row(figure.heading, *each, _format_ratio(figure, windows) + _format_target(cell, figure, windows))
    shown.add_row("PostgreSQL CPU ms, besides", *map(_format_database_cpu, windows.values()), "")
    shown.add_row("other work on the machine", *map(_format_other_work, windows.values()), "")
    failed = [sum(window.failed for window in measured) for measured in windows.values()]
    words = [f"[bold red]{number}[/]" if number else "0" for number in failed]
    shown.add_row("failed requests", *words, "[bold red]not to be trusted[/]" if any(failed) else "")
    return shown


def _select_figures(cell: Cell, ours: list[Window]) -> list[Figure]:
    """Selects the rows of a cell. While forms are sent beside, CPU time cannot be assigned to a kind of request."""
    if cell.kind == MIXED:
        return [*ANSWERED[:3], BESIDE]
    return ANSWERED + DEVELOPED * any(window.develops for window in ours)


def _format_target(cell: Cell, figure: Figure, windows: dict[str, list[Window]]) -> str:
    wanted = WANTED.get((cell.kind, figure.value))
    if wanted is None:
        return ""
    ratio = median(_ratios(figure, windows))
    kept = ratio >= wanted if figure.best is max else ratio <= wanted
    return f" [{'green' if kept else 'bold red'}]{'≥' if figure.best is max else '≤'} {wanted:g}×[/]"


def _format_median(figure: Figure, measured: list[Window]) -> str:
    return f"{median(map(attrgetter(figure.value), measured)):.{figure.digits}f}"


def _format_ratio(figure: Figure, windows: dict[str, list[Window]]) -> str:
    each = _ratios(figure, windows)
    spread = f" ({min(each):.2f}–{max(each):.2f})" if len(each) > 1 else ""
    return f"{median(each):.2f}×{spread}"


def _ratios(figure: Figure, windows: dict[str, list[Window]]) -> list[float]:
    """Returns the ratio of each round to the rival that was best at this figure in that round."""
    value = attrgetter(figure.value)
    rivals = [measured for name, measured in windows.items() if name != OURS]
    rounds = zip(windows[OURS], *rivals, strict=True)
    return [value(ours) / (figure.best(map(value, others)) or math.nan) for ours, *others in rounds]


def _format_database_cpu(measured: list[Window]) -> str:
    spent = [window.database_ms for window in measured if window.database_ms is not None]
    return f"{median(spent):.2f}" if spent else "–"


def _format_other_work(measured: list[Window]) -> str:
    """Formats the worst round's other work: a server that shares the machine with more of it appears slower."""
    worst = max(window.others for window in measured)
    return f"[yellow]{worst:.0%}[/]" if worst > BUSY else f"{worst:.0%}"


def failures(results: Results) -> list[str]:
    """Returns a line for each window with failed requests, with the first wrong response."""
    return [
        escape(f"{name}, {cell.kind} × {cell.clients}: {window.failed} of {window.requests}: {window.error}")
        for cell, sides in results.items()
        for name, measured in sides.items()
        for window in measured
        if window.failed
    ]
