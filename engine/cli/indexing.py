"""Run one job and draw its progress. Draws on a terminal only."""

import sys

import anyio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from engine.cli.show import plain
from engine.engine import Engine, Realm
from engine.errors import WidthwiseError
from engine.job import Job
from engine.jobs import JobState
from engine.report import PassReport
from engine.report import Progress as Moment
from engine.sources import Source

# Progress is written once a second.
REDRAW_SECONDS = 0.5

# What an interrupted command may take to cancel its job.
LAST_WORDS_SECONDS = 3


class RealmPaused(WidthwiseError):
    """No job of the realm is begun, so that it is of no use to wait for one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is paused: `widthwise resume {name}` first")


async def index_source(
    engine: Engine, name: str, source: Source, *, from_scratch: bool, quiet: bool
) -> PassReport:
    """A pass over `source` as the realm `name`; a bar on stderr unless `quiet`.

    Interrupted, the job is cancelled with it.
    """
    realm = await engine.add_realm(name, source, replace=True)
    if (await realm.status()).realm.paused:
        raise RealmPaused(name)
    latest = await engine.jobs(realm=name, limit=1)
    try:
        job = None if from_scratch else await _taken_up(engine, realm)
        job = job or await realm.index(from_scratch=from_scratch)
        if quiet or not sys.stderr.isatty():
            return await job.finished()
        return await _drawn(job, name)
    except anyio.get_cancelled_exc_class():
        with anyio.move_on_after(LAST_WORDS_SECONDS, shield=True):
            await _cancel_after(engine, name, latest[0].id if latest else 0)
        raise


async def _cancel_after(engine: Engine, name: str, job_id: int) -> None:
    """Cancel what this command asked for, also when it has not heard of it yet.

    Not a job that was there before: it is somebody else's wish, or was.
    """
    for job in await engine.jobs(realm=name, states=[JobState.PENDING, JobState.RUNNING]):
        if job.id > job_id:
            await job.cancel()


async def _taken_up(engine: Engine, realm: Realm) -> Job | None:
    """The job of a command that was killed, if it has just begun again: it is what we want."""
    before = (await realm.status()).job
    if before is None or before.state is not JobState.RUNNING:
        return None
    await engine.sweep()
    job = await engine.job(before.id)
    begun_again = job.row.claims > before.claims and not job.state.is_end
    return job if begun_again else None


async def _drawn(job: Job, name: str) -> PassReport:
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
            moment = (await job.refresh()).progress
            done, total = moment.counts
            bars.update(
                bar,
                phase=str(moment.phase),
                completed=done,
                total=total or None,
                rate=rate(moment),
            )
            await anyio.sleep(REDRAW_SECONDS)


def rate(moment: Moment) -> str:
    """How fast it goes and the time left, as far as they are known."""
    parts = [f"{moment.rate:,.0f} files/s"] if moment.rate >= 1 else []
    if (left := moment.remaining_seconds) is not None:
        parts.append(f"{left:.0f} s left")
    return ", ".join(parts)
