"""Agents over the pipes of this process: its output carries the protocol and nothing else."""

import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from engine.engine import Engine
from engine.executors.worker import private_output
from engine.web.access import Access
from engine.web.agents.desk import Desk
from engine.web.hosting import Host, Limits
from engine.web.visible import Visible

log = logging.getLogger("widthwise.agents")

MAX_MESSAGE_BYTES = 4 << 20


async def serve_agents(engine: Engine, *, may_write: bool, folders: Sequence[Path] = ()) -> None:
    """Answer the agent at the other end of the pipes, until it closes our input.

    Whoever starts this process has all that its user has, so there is no token; with
    `may_write` the agent may index, and add repositories and folders below `folders`.
    """
    from mcp.server.stdio import stdio_server  # noqa: PLC0415 - an extra

    from engine.web.agents.protocol import protocol_server  # noqa: PLC0415 - the same

    limits = Limits()
    access = Access(can_write=may_write)
    host = Host(
        lambda: engine, lambda _: access, limits, tuple(folders), agents_may_write=may_write
    )
    searches = anyio.CapacityLimiter(limits.searches_at_once)
    desk = Desk(Visible(engine, access), host, searches)
    server = protocol_server(lambda _: desk)
    # What prints goes to stderr from here on, also of libraries and of child processes.
    output = anyio.wrap_file(TextIOWrapper(private_output(), encoding="utf-8"))
    lines: Any = input_lines(sys.stdin.fileno())
    try:
        async with stdio_server(stdin=lines, stdout=output) as (received, sent):
            await server.run(received, sent, server.create_initialization_options())
    except* BrokenPipeError:
        # Nobody reads on: that ends it as a closed input does.
        log.info("the agent has gone")


async def input_lines(descriptor: int) -> AsyncIterator[str]:
    """The lines that arrive, to the end of the input; one that is too long is the last.

    No thread waits in a read, so that an interrupt ends this process at once.
    """
    held = bytearray()
    while len(held) <= MAX_MESSAGE_BYTES:
        await _readable(descriptor)
        if not (part := os.read(descriptor, 1 << 16)):
            return
        *complete, rest = (bytes(held) + part).split(b"\n")
        held = bytearray(rest)
        for line in complete:
            yield line.decode("utf-8", "replace")


async def _readable(descriptor: int) -> None:
    try:
        await anyio.wait_readable(descriptor)
    except PermissionError:
        # A file, which can always be read, and can't be waited for.
        await anyio.lowlevel.checkpoint()
