"""The commands about jobs. Thin paths to the engine, as those of `app` are."""

from contextlib import suppress
from functools import partial
from typing import Annotated

import typer

from engine.cli import show, show_jobs, watching
from engine.cli.opened import Interrupted, with_engine
from engine.cli.options import Json, OneRealm, RealmArgument
from engine.cli.realms import choose_realm, known_names
from engine.engine import Engine
from engine.errors import RealmNotFound
from engine.jobs import JobState
from engine.status import RealmStatus
from engine.telling import counted

JobId = Annotated[int, typer.Argument(help="A job's number, as `widthwise jobs` lists it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (status, jobs, job, cancel, retry, pause, resume, sweep):
        app.command(command.__name__)(command)


def status(
    realm: OneRealm = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    json: Json = False,
) -> None:
    """What is indexed, and what goes on."""

    async def look(engine: Engine) -> list[RealmStatus]:
        names = [await choose_realm(engine, realm)] if realm else await known_names(engine)
        statuses = []
        for name in names:
            # A realm that is deleted between the two questions is no error of this one.
            with suppress(RealmNotFound):
                statuses.append(await engine.status(name))
        return statuses

    async def run(engine: Engine) -> None:
        if watch:
            await watching.watch(partial(look, engine), as_json=json)
        else:
            show.statuses(await look(engine), as_json=json)

    try:
        with_engine(run)
    except Interrupted:
        # That is how it ends, as it says.
        if not watch:
            raise


def jobs(
    realm: OneRealm = None,
    *,
    state: Annotated[
        list[JobState] | None, typer.Option("--state", help="Only in this state; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    json: Json = False,
) -> None:
    """The latest jobs, the newest first."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm) if realm else None
        found = await engine.jobs(realm=name, states=state or None, limit=limit)
        show_jobs.jobs(found, as_json=json)

    with_engine(run)


def job(number: JobId, *, json: Json = False) -> None:
    """One job with all its attempts."""

    async def run(engine: Engine) -> None:
        found = await engine.job(number)
        show_jobs.job(found, await found.attempts(), as_json=json)

    with_engine(run)


def cancel(number: JobId) -> None:
    """End a job that waits or runs. The live index stays as it is."""

    async def run(engine: Engine) -> None:
        found = await engine.job(number)
        if found.state.is_end:
            show.line(f"job {number} has {found.state} already")
            return
        await found.cancel()
        show.line(f"job {number} is {found.state}")

    with_engine(run)


def retry(number: JobId) -> None:
    """Have a job tried again now; one that has ended is asked for anew."""

    async def run(engine: Engine) -> None:
        again = await engine.retry(number)
        show.line(f"job {again.id} of {again.realm} is {again.state}; a worker takes it")

    with_engine(run)


def pause(realm: RealmArgument) -> None:
    """Begin no jobs of a realm until it is resumed. One that runs goes on."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm)
        await engine.pause(name)
        show.line(f"paused {name}")

    with_engine(run)


def resume(realm: RealmArgument) -> None:
    """Begin jobs of a paused realm again."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm)
        await engine.resume(name)
        show.line(f"resumed {name}")

    with_engine(run)


def sweep() -> None:
    """Take the jobs of dead and stalled workers from them, and clear away what is old."""

    async def run(engine: Engine) -> None:
        show.line(f"swept; {counted(await engine.sweep(), 'job')} lost by workers")

    with_engine(run)
