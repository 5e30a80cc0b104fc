"""Run git as a subprocess that ends with its deadline or with whoever waits for it."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import anyio
import anyio.abc

from engine.sources.errors import SourceError, SourceMissing
from engine.sources.git_environment import git_program

# Of what git says, so much is kept: enough for its last words.
KEPT_CHARS = 8_000

# What was killed has let go of its pipes, unless it started something in a session of its own.
DRAIN_SECONDS = 5.0

_LINE_END = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class GitRun:
    """How git ended. `says` is the end of what it wrote on stderr."""

    code: int
    output: bytes
    says: str


async def run_git(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    deadline_seconds: float,
    on_line: Callable[[str], None] = lambda _: None,
    keep: Sequence[int] = (),
    asked: bytes = b"",
    max_output_bytes: int = 1 << 20,
    max_file_bytes: int | None = None,
) -> GitRun:
    """Run git to its end; `on_line` hears what it says on stderr as it says it.

    `asked` is its stdin; more output than `max_output_bytes` is an error of the source, and
    on Linux no file grows over `max_file_bytes`. The descriptors in `keep` stay open in git
    and in what it starts: a lock among them is held until the last of these has ended, also
    if we are killed. Cancelled or late, all of them are killed; late, `SourceError` is raised.
    """
    try:
        with anyio.fail_after(deadline_seconds):
            run = await _run(
                arguments, environment, on_line, keep, asked, max_output_bytes, max_file_bytes
            )
    except TimeoutError:
        verb = _verb(arguments)
        raise SourceError(f"git {verb}: not done in {deadline_seconds:g} s") from None
    if len(run.output) > max_output_bytes:
        raise SourceMissing(f"git {_verb(arguments)}: over {max_output_bytes:,} bytes of output")
    return run


async def _run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    keep: Sequence[int],
    asked: bytes,
    max_output_bytes: int,
    max_file_bytes: int | None,
) -> GitRun:
    process = await anyio.open_process(
        [git_program(), *arguments],
        env=environment,
        stdin=subprocess.PIPE if asked else subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=tuple(keep),
    )
    output, words = bytearray(), _Words(on_line)
    try:
        _bound_files(process.pid, max_file_bytes)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_collect, process, output, max_output_bytes)
            tasks.start_soon(_listen, process.stderr, words)
            if asked:
                tasks.start_soon(_ask, process.stdin, asked)
        return GitRun(await process.wait(), bytes(output), words.last)
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                _kill_all(process.pid)
            # A pipe is closed by reading it to its end; one that is dropped before warns later.
            with anyio.move_on_after(DRAIN_SECONDS):
                await _drain(process.stdout)
                await _drain(process.stderr)
            await process.aclose()


def _bound_files(pid: int, max_bytes: int | None) -> None:
    """Of git and what it starts from now on: whoever writes a pack is started much later."""
    if max_bytes is not None and sys.platform == "linux":
        # Refused is what would raise a limit: then a lower one holds already.
        with suppress(ProcessLookupError, PermissionError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (max_bytes, max_bytes))


def _kill_all(group: int) -> None:
    """Git and what it started: the part that talks to the network is a process of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


async def _collect(process: anyio.abc.Process, output: bytearray, max_bytes: int) -> None:
    assert process.stdout is not None
    async for part in process.stdout:
        output += part
        if len(output) > max_bytes:
            _kill_all(process.pid)
            return


async def _drain(stream: anyio.abc.ByteReceiveStream | None) -> None:
    if stream is not None:
        async for _ in stream:
            pass


async def _ask(stream: anyio.abc.ByteSendStream | None, asked: bytes) -> None:
    assert stream is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await stream.send(asked)
    await stream.aclose()


async def _listen(stream: anyio.abc.ByteReceiveStream | None, words: "_Words") -> None:
    assert stream is not None
    async for part in stream:
        words.hear(part.decode("utf-8", "replace"))


class _Words:
    """What git says: lines as they come, and the last of it. Progress ends in returns."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._begun = ""
        self.last = ""

    def hear(self, text: str) -> None:
        self.last = (self.last + text)[-KEPT_CHARS:]
        *lines, self._begun = _LINE_END.split((self._begun + text)[-KEPT_CHARS:])
        for line in filter(None, lines):
            self._on_line(line)


def _verb(arguments: Iterable[str]) -> str:
    """The command among the arguments, for people."""
    skip = False
    for argument in arguments:
        if not skip and not argument.startswith("-"):
            return argument
        skip = argument in ("-C", "-c")
    return ""
