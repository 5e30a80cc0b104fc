"""Run one job and draw its progress. Draws on a terminal only."""

import sys

import anyio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from engine.cli.show import plain
from engine.engine import Engine
from engine.job import Job
from engine.report import PassReport, Phase
from engine.report import Progress as Moment
from engine.sources import Source

REDRAW_SECONDS = 0.1


async def index_folder(
    engine: Engine, name: str, source: Source, *, from_scratch: bool, quiet: bool
) -> PassReport:
    """A pass over `source` as the realm `name`; a bar on stderr unless `quiet`."""
    realm = await engine.add_realm(name, source, replace=True)
    job = await realm.index(from_scratch=from_scratch)
    if quiet or not sys.stderr.isatty():
        return await job.finished()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_draw, job, name)
        try:
            report = await job.finished()
        finally:
            tasks.cancel_scope.cancel()
    return report


async def _draw(job: Job, name: str) -> None:
    columns = (
        TextColumn("{task.fields[phase]:<9}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    console = Console(stderr=True)
    console.print(f"indexing {plain(name)}", markup=False, highlight=False)
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("", total=None, phase="", rate="")
        while True:
            moment = job.progress
            bars.update(
                bar,
                phase=str(moment.phase),
                completed=moment.done,
                total=moment.total or None,
                rate=rate(moment),
            )
            await anyio.sleep(REDRAW_SECONDS)


def rate(moment: Moment) -> str:
    """How fast it goes and the time left, as far as they are known."""
    parts = []
    if moment.phase is Phase.VISIT and moment.chunks:
        parts.append(f"{moment.chunks / moment.phase_seconds:,.0f} chunks/s")
    elif moment.done:
        parts.append(f"{moment.done / moment.phase_seconds:,.0f} files/s")
    if (left := moment.remaining_seconds) is not None:
        parts.append(f"{left:.0f} s left")
    return ", ".join(parts)
