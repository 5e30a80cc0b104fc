"""Visitors that a worker of a cluster makes by their names; they leave notes in a folder."""

import os
import time
from pathlib import Path

import anyio

from engine import File, Visit, VisitContext
from engine.syntax_visitor import SyntaxVisitor

NOTES = "WIDTHWISE_TEST_NOTES"


def folder() -> Path:
    return Path(os.environ[NOTES])


def note(name: str, line: str) -> None:
    """One short write to a file that is opened to append to is not torn."""
    with (folder() / name).open("a") as notes:
        notes.write(f"{line}\n")


class Noting(SyntaxVisitor):
    """Notes when each visit begins and ends, by a clock that all processes share."""

    fingerprint = "noting-1"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        note("visits", f"{time.monotonic_ns()} begin {file.key} {os.getpid()}")
        visit = await super().visit(file, context)
        note("visits", f"{time.monotonic_ns()} end {file.key} {os.getpid()}")
        return visit


class Held(Noting):
    """Visits held*.py for as long as the note `hold` is there."""

    fingerprint = "held-1"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key.startswith("held"):
            note("held", f"{os.getpid()}")
            try:
                while (folder() / "hold").exists():  # noqa: ASYNC110 - another process has it
                    await anyio.sleep(0.02)
            except anyio.get_cancelled_exc_class():
                note("cancelled", file.key)
                raise
        return await super().visit(file, context)


class Poisoned(Noting):
    """Takes its process along at poison.py."""

    fingerprint = "poisoned-1"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key == "poison.py":
            note("deaths", f"{os.getpid()}")
            os._exit(9)
        return await super().visit(file, context)
