"""One worker process as its supervisor sees it: started, heard, stopped. Knows no job."""

import logging
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.abc

from engine.executors import frames
from engine.memory import kill_group
from engine.orders import Orders

log = logging.getLogger("widthwise.worker_process")

# It imports from where we do and from nowhere else: the working folder may be the tree that
# is indexed, whose modules are not ours to run.
BOOT = "import sys; sys.path[:] = sys.argv[1:]; from engine.worker_process import main; main()"

# What it may take to give its jobs back.
GRACE_SECONDS = 10.0

# What may stay in its pipes once it and all that it started are dead.
LAST_WORDS_SECONDS = 2.0
LAST_LINES = 20
MAX_LINE = 8_192

_RECORD = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) (\S+) (.*)")


@asynccontextmanager
async def started_child(
    orders: Orders, *, grace_seconds: float = GRACE_SECONDS
) -> AsyncIterator["Child"]:
    """A worker process for the length of the block, at whose end nothing of it is left.

    It leads a group of its own, so that no signal of a terminal reaches it and all that it
    starts can be killed with it. `orders` go through a pipe: they hold a password.
    """
    process = await anyio.open_process(
        [sys.executable, "-c", BOOT, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    child = Child(process)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child._relay)
        try:
            await child._tell(orders)
            yield child
        finally:
            with anyio.CancelScope(shield=True):
                await child._stop(grace_seconds)


class Child:
    """Made by `started_child`. `pings` counts the signs that its loop is not blocked."""

    def __init__(self, process: anyio.abc.Process) -> None:
        self._process = process
        self.pings = 0
        self._dead = False
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._relaying = anyio.CancelScope(shield=True)
        self._relayed = anyio.Event()

    def __repr__(self) -> str:
        return f"<Child {self.pid} pings={self.pings}>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it ended with, below zero for a signal; known once the block has ended."""
        return self._process.returncode

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last that it said on stderr, its log aside."""
        return tuple(self._last_lines)

    def kill(self) -> None:
        """With all that it has started."""
        kill_group(self.pid)

    async def ended(self) -> None:
        """Count its pings, until it is dead.

        The other end of the pipe is its alone, and closes with it; a wait for the process
        may go on, by the version of Python, while others hold what it has inherited.
        """
        assert self._process.stdout is not None
        with suppress(anyio.BrokenResourceError):
            async for pings in self._process.stdout:
                self.pings += len(pings)
        self._dead = True

    def drain(self) -> None:
        """Have it finish what it runs, begin nothing more, and end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGUSR1)

    async def _tell(self, orders: Orders) -> None:
        assert self._process.stdin is not None
        # One that could not even start says why on stderr.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._process.stdin.send(frames.encode(orders))

    async def _stop(self, grace_seconds: float) -> None:
        if not self._dead:
            await self._give_back(grace_seconds)
        # One that has just closed its output is about to end, and may say why.
        with anyio.move_on_after(LAST_WORDS_SECONDS):
            await self._process.wait()
        self.kill()
        with anyio.move_on_after(LAST_WORDS_SECONDS):
            await self._process.wait()
            await self._relayed.wait()
        self._relaying.cancel()
        await self._process.aclose()

    async def _give_back(self, within_seconds: float) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        with anyio.move_on_after(within_seconds):
            await self.ended()
        if not self._dead:
            log.warning("%r did not give back its jobs within %g s", self, within_seconds)
            self.kill()

    async def _relay(self) -> None:
        """Log what it logs. What else it says is kept, for the case that it dies."""
        assert self._process.stderr is not None
        with self._relaying:
            async for line in _lines(self._process.stderr):
                if record := _RECORD.fullmatch(line):
                    level, name, message = record.groups()
                    logging.getLogger(name).log(logging.getLevelNamesMapping()[level], message)
                elif line:
                    self._last_lines.append(line)
        self._relayed.set()


async def _lines(stream: anyio.abc.ByteReceiveStream) -> AsyncIterator[str]:
    """Lines without their ends, cut where they are too long, up to the end of the stream."""
    rest = b""
    async for part in stream:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line[:MAX_LINE].decode(errors="replace")
        rest = rest[:MAX_LINE]
    yield rest.decode(errors="replace")
