"""The process that runs jobs and nothing else: a server's child, or `widthwise work`."""

import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import anyio
import anyio.abc

from engine.embedders import chosen_embedder
from engine.errors import WidthwiseError, first_failure
from engine.executors import frames
from engine.executors.choosing import chosen_executor
from engine.executors.worker import private_output
from engine.index.database import open_database
from engine.indexing import Indexing
from engine.inline import inline_workers
from engine.jobs import Identity, News, Worker
from engine.orders import PING_SECONDS, Orders
from engine.registering import registered
from engine.settings import Settings
from engine.syntax_visitor import SyntaxVisitor

log = logging.getLogger("widthwise.worker_process")

# What a supervisor can tell apart from other output: `INFO widthwise.worker job=7 succeeded`.
LOG_FORMAT = "%(levelname)s %(name)s %(message)s"

# How often a process that is to end looks whether its jobs have.
DRAINED_SECONDS = 0.1

# Of 1000: when memory runs out the kernel takes us before the server.
OOM_SCORE = 800

# Runs beside the worker; what it is given beside that lets the process end.
Companion = Callable[[Worker, Callable[[], None]], Coroutine[Any, Any, None]]


def main() -> None:
    """A supervisor's child: orders come by stdin, whose end means that the server is gone."""
    faulthandler.enable()
    pings = private_output()
    _volunteer()
    try:
        orders: Orders = frames.read(sys.stdin.buffer)
    except EOFError:
        return
    logging.basicConfig(format=LOG_FORMAT, level=orders.log_level)
    os.set_blocking(pings.fileno(), False)
    try:
        run(
            orders.settings,
            Identity(id=orders.worker_id),
            partial(_ping, pings.fileno()),
            partial(_outlive, sys.stdin.fileno()),
        )
    except WidthwiseError as error:
        sys.exit(f"{type(error).__name__}: {error}")


def run(settings: Settings, identity: Identity, *companions: Companion) -> NoReturn:
    """`work`, and then the end of the process."""
    # What was imported stays to the end. To look through it for garbage takes 30 ms, and every few
    # passes would be the time for it: one without a change takes 50.
    gc.freeze()
    try:
        anyio.run(partial(work, settings, identity, *companions))
    except BaseExceptionGroup as group:
        raise first_failure(group) from group
    # All is given back. A thread that native code does not let go must not hold us up.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def work(settings: Settings, identity: Identity, *companions: Companion) -> None:
    """Run jobs until SIGTERM or SIGINT, and then give back those that run.

    After SIGUSR1, or when one of the `companions`, which run beside the worker, says so,
    what runs is finished first and nothing more is begun.
    """
    draining = anyio.Event()
    async with anyio.create_task_group() as tasks:
        await tasks.start(_obey, tasks.cancel_scope, draining.set)
        async with _worker(settings, identity) as worker:
            for companion in companions:
                tasks.start_soon(companion, worker, draining.set)
            await draining.wait()
            log.info("finishing %d jobs", len(worker.running))
            worker.drain()
            while worker.running:  # noqa: ASYNC110 - it tells of no event
                await anyio.sleep(DRAINED_SECONDS)
        tasks.cancel_scope.cancel()


async def _obey(
    scope: anyio.CancelScope,
    drain: Callable[[], None],
    *,
    task_status: anyio.abc.TaskStatus[None],
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1) as signals:
        task_status.started()
        async for number in signals:
            log.info("told to stop by %s", signal.Signals(number).name)
            if number == signal.SIGUSR1:
                drain()
            else:
                scope.cancel()


@asynccontextmanager
async def _worker(settings: Settings, identity: Identity) -> AsyncIterator[Worker]:
    embedder = chosen_embedder(settings)
    async with (
        open_database(
            dsn=settings.dsn,
            session_dsn=settings.session_dsn,
            home=settings.home,
            application_name=identity.application_name,
        ) as database,
        registered(database.pool, embedder, required=True) as embedder_id,
    ):
        indexing = Indexing(
            database,
            settings,
            embedder,
            embedder_id,
            SyntaxVisitor(),
            {},
            elsewhere=chosen_executor(settings),
        )
        identity = replace(identity, recipe=indexing.recipe)
        async with inline_workers(
            database, settings, identity, indexing, heard=_nobody_asks
        ) as worker:
            yield worker


def _nobody_asks(_: News) -> None:
    """Nobody in this process waits for a job."""


async def _ping(output: int, _worker: Worker, _drain: Callable[[], None]) -> None:
    """Show to the supervisor, time and again, that this loop is not blocked."""
    with suppress(BrokenPipeError):
        while True:
            with suppress(BlockingIOError):  # It does not read; then it need not know.
                os.write(output, b".")
            await anyio.sleep(PING_SECONDS)


async def _outlive(server: int, _worker: Worker, drain: Callable[[], None]) -> None:
    """When the server has died, end with what runs."""
    await anyio.wait_readable(server)
    log.warning("the server is gone")
    drain()


def _volunteer() -> None:
    """To be killed first when memory runs out; Linux alone knows of that."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), "ascii")
