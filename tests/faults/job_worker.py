"""What a process does that runs jobs until it is told to stop, or is killed. Knows no test.

An order says how to be. Over a wire come commands, and it tells what it does.
"""

import asyncio
import ctypes
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import anyio.abc
from embedding_provider import HttpEmbedder

from engine import Engine, File, Settings, Visit, VisitContext, Work
from engine.jobs import Running
from engine.syntax_visitor import SyntaxVisitor

Order: TypeAlias = Mapping[str, Any]
Say: TypeAlias = Callable[..., None]


class ObedientVisitor(SyntaxVisitor):
    """The built-in visitor, but for the files of which it was told something.

    `exit` ends the process, `block` keeps the event loop for so many seconds, `sleep` only
    this visit; `wait` says so, and goes on at the command `go`.
    """

    def __init__(self, acts: Mapping[str, str | list[Any]], say: Say) -> None:
        self._acts = acts
        self._say = say
        self.going = anyio.Event()

    async def visit(self, file: File, context: VisitContext) -> Visit:
        match self._acts.get(file.key):
            case "exit":
                os._exit(1)
            case ["block", seconds]:
                time.sleep(seconds)  # noqa: ASYNC251 - the fault that is asked for
            case ["sleep", seconds]:
                await anyio.sleep(seconds)
            case "wait":
                self._say("waits", key=file.key)
                await self.going.wait()
        return await super().visit(file, context)


class Telling(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say("log", text=record.getMessage())


def run(order: Order, wire: Connection) -> None:
    """The whole life of the process."""
    if order["namespace"]:
        _enter(order["namespace"])
    lock = threading.Lock()

    def say(event: str, **what: Any) -> None:
        with lock:
            wire.send({"event": event, **what})

    logging.getLogger("widthwise").addHandler(Telling(say))
    logging.getLogger("widthwise").setLevel(logging.INFO)
    if skew := order["skew_seconds"]:
        _set_clock(skew)
    if order["deaf"]:
        # As if each of its statements came before anything could tell it to stop.
        Running.stop = lambda *_: None  # type: ignore[method-assign]
    anyio.run(_work, order, wire, say)
    say("stopped")


async def _work(order: Order, wire: Connection, say: Say) -> None:
    settings = Settings(home=Path(order["home"]), dsn=order["dsn"], **order["settings"])
    visitor = ObedientVisitor(order["acts"], say)
    work = Work(order["work"])
    with anyio.CancelScope() as scope:
        async with (
            anyio.create_task_group() as tasks,
            Engine.open(settings, embedder=_embedder(order), visitor=visitor, work=work) as engine,
        ):
            await tasks.start(_stop_at_signal, scope)
            tasks.start_soon(_obey, engine, visitor, _commands(wire), say)
            say("ready")
            await anyio.sleep_forever()


def _embedder(order: Order) -> Any:
    return HttpEmbedder(order["provider"]) if order["provider"] else None


def _enter(namespace: str) -> None:
    """Be on another host from now on, as are all threads that this one starts."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def _set_clock(skew: float) -> None:
    """The wall clock of this process is wrong by so much."""
    true, true_ns = time.time, time.time_ns
    time.time = lambda: true() + skew
    time.time_ns = lambda: true_ns() + int(skew * 1e9)


async def _stop_at_signal(
    scope: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _commands(wire: Connection) -> anyio.abc.ObjectReceiveStream[list[Any]]:
    """What comes in, read by a thread that ends with the process."""
    put, take = anyio.create_memory_object_stream[list[Any]](1_000)
    loop = asyncio.get_running_loop()

    def read() -> None:
        while True:
            loop.call_soon_threadsafe(put.send_nowait, wire.recv())

    threading.Thread(target=read, daemon=True).start()
    return take


async def _obey(
    engine: Engine,
    visitor: ObedientVisitor,
    commands: anyio.abc.ObjectReceiveStream[list[Any]],
    say: Say,
) -> None:
    async for command in commands:
        match command:
            case ["go"]:
                visitor.going.set()
            case ["index", realm, times]:
                say("indexed", ids=await _index(engine, realm, times))


async def _index(engine: Engine, realm: str, times: int) -> list[int]:
    """So many requests at once."""
    ids: list[int] = []

    async def ask() -> None:
        ids.append((await engine.index(realm)).id)

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(ask)
    return ids
