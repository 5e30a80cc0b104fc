"""Run a command on an engine. Knows no command."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from engine.engine import Engine
from engine.index.database import Database, open_database
from engine.opening import Work
from engine.settings import Isolation, Settings


class Interrupted(Exception):
    """Somebody at the terminal wants to stop."""


def with_engine(run: Callable[[Engine], Awaitable[None]], *, work: Work = Work.NONE) -> None:
    """Open an engine as the environment says, in this process, and run the command on it.

    By default it runs no jobs: a question must not begin somebody's pass.
    """

    async def opened() -> None:
        settings = replace(Settings.from_environment(), isolation=Isolation.INLINE)
        async with Engine.open(settings, work=work) as engine:
            await run(engine)

    _run(opened)


def with_database(run: Callable[[Database], Awaitable[None]]) -> None:
    """The same with nothing but the database: no embedder is loaded."""

    async def opened() -> None:
        settings = Settings.from_environment()
        async with open_database(
            dsn=settings.dsn, home=settings.home, session_dsn=settings.session_dsn
        ) as database:
            await run(database)

    _run(opened)


def _run(opened: Callable[[], Awaitable[None]]) -> None:
    try:
        anyio.run(_until_interrupted, opened)
    except KeyboardInterrupt:
        # By another name, since the framework of the command line ends without a word.
        raise Interrupted from None


async def _until_interrupted(run: Callable[[], Awaitable[None]]) -> None:
    """Run to the end, or until Ctrl-C; a second one ends it without waiting for anything.

    The cancellation is that of a scope, which is delivered again where it got lost. The loop's
    own is delivered once, and `asyncio.wait_for` of Python 3.11 loses it when what it waits
    for arrives in the same moment.
    """
    outcome: BaseException | None = Interrupted()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_at_interrupt, tasks.cancel_scope)
        try:
            await run()
            outcome = None
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:
            # Kept from the task group, which would wrap it: an exit as well as an error.
            outcome = error
        tasks.cancel_scope.cancel()
    if outcome is not None:
        raise outcome


async def _cancel_at_interrupt(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT) as interrupts:
        async for _ in interrupts:
            break
    # From here on the default handler is back, which a second Ctrl-C finds.
    scope.cancel()
