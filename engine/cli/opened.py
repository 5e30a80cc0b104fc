"""Run a command on an engine. Knows no command."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from engine.engine import Engine
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

    try:
        anyio.run(opened)
    except KeyboardInterrupt:
        # By another name, since the framework of the command line ends without a word.
        raise Interrupted from None
