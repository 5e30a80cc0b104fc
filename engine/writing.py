"""Visited files become working rows, in groups. The last stage before the swap."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import anyio
import anyio.lowlevel

from engine.chunk_text import embedded_text
from engine.index.working import FailedEntry, Working, WorkingEntry
from engine.vectors import PaidOnce

Outcome: TypeAlias = WorkingEntry | FailedEntry

# A group is one transaction: large enough to make its commit cheap, small enough that a
# killed pass loses little and that memory stays flat.
GROUP_FILES = 64
GROUP_CHUNKS = 512
GROUP_SECONDS = 0.2
GROUPS_AT_ONCE = 4


class Outbox:
    """A bounded line between visits and writers that hands over in groups.

    Not a memory object stream: its `receive` can lose an item to a deadline that passes
    as the item arrives. Here a deadline only ends a wait, and the line is looked at after.
    """

    def __init__(self, *, limit: int = 2 * GROUP_FILES) -> None:
        self._limit = limit
        self._line: deque[Outcome] = deque()
        self._chunks = 0
        self._closed = False
        self._moved = anyio.Event()

    async def put(self, outcome: Outcome) -> None:
        while len(self._line) >= self._limit:
            await self._moved.wait()
        self._line.append(outcome)
        self._chunks += _chunk_count(outcome)
        self._move()
        await anyio.lowlevel.checkpoint()

    def close(self) -> None:
        """No more will be put; what is in line is still handed over."""
        self._closed = True
        self._move()

    async def next_group(self) -> list[Outcome]:
        """What is in line, up to a group; waits a little for more, empty at the end."""
        while not self._line and not self._closed:
            await self._moved.wait()
        with anyio.move_on_after(GROUP_SECONDS):
            while not self._is_group() and not self._closed:
                await self._moved.wait()
        return self._take()

    def _is_group(self) -> bool:
        return len(self._line) >= GROUP_FILES or self._chunks >= GROUP_CHUNKS

    def _take(self) -> list[Outcome]:
        group: list[Outcome] = []
        chunks = 0
        while self._line and len(group) < GROUP_FILES and chunks < GROUP_CHUNKS:
            group.append(self._line.popleft())
            chunks += _chunk_count(group[-1])
        self._chunks -= chunks
        self._move()
        return group

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


def _chunk_count(outcome: Outcome) -> int:
    return len(outcome.chunks) if isinstance(outcome, WorkingEntry) else 0


async def write_all(
    outbox: Outbox,
    working: Working,
    vectors: PaidOnce,
    *,
    written: Callable[[Sequence[Outcome]], None],
) -> None:
    """Embed and store what visits put out until it is closed; tells `written` what is safe."""
    slots = anyio.Semaphore(GROUPS_AT_ONCE)

    async def write(group: list[Outcome]) -> None:
        await _write_group(group, working, vectors)
        slots.release()
        written(group)

    async with anyio.create_task_group() as tasks:
        while group := await outbox.next_group():
            # Held until the group is stored, which is what bounds the memory of a pass.
            await slots.acquire()
            tasks.start_soon(write, group)


async def _write_group(group: list[Outcome], working: Working, vectors: PaidOnce) -> None:
    entries = [outcome for outcome in group if isinstance(outcome, WorkingEntry)]
    failed = [outcome for outcome in group if isinstance(outcome, FailedEntry)]
    texts = {
        prepared.text_hash: embedded_text(draft.symbol, draft.text)
        for entry in entries
        for draft, prepared in entry.chunks
    }
    found = await vectors.vectors(texts)
    if entries:
        await working.write(entries, found)
    if failed:
        await working.write_failed(failed)
