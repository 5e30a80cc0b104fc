"""Visited files become working rows as soon as they have their vectors; the last stage before
the swap.

Groups of files pass two lines. Out of the first, a group asks for its vectors together. A file
whose last vector came goes to the second line, and what is in that is written in groups again,
so that a slow text holds up its own file and a commit is shared by many. A group keeps its
slot until its last file is written, which is what bounds the memory of a pass.
"""

from collections import ChainMap, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

import anyio
import anyio.lowlevel

from engine.chunk_text import embedded_text
from engine.embedding import Found
from engine.errors import first_failure
from engine.index.working import FailedEntry, Working, WorkingEntry
from engine.vectors import PaidOnce

Outcome: TypeAlias = WorkingEntry | FailedEntry

# A group is one transaction: large enough to make its commit cheap, small enough that a
# killed pass loses little and that memory stays flat.
GROUP_FILES = 64
GROUP_CHUNKS = 512
GROUP_SECONDS = 0.2
GROUPS_AT_ONCE = 4


async def write_all(
    outbox: "Outbox",
    working: Working,
    vectors: PaidOnce,
    *,
    written: Callable[[Sequence[Outcome]], None],
) -> None:
    """Embed and store what visits put out until it is closed; tells `written` what is safe.

    If vectors can't be had, the files that have all of theirs are stored before the reason
    is raised.
    """
    await _Writing(outbox, working, vectors, written).run()


class Outbox:
    """A bounded line of visited files that hands over in groups.

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
        self.put_nowait(outcome)
        await anyio.lowlevel.checkpoint()

    def put_nowait(self, outcome: Outcome) -> None:
        """For whoever bounds by other means what can be in line."""
        self._line.append(outcome)
        self._chunks += _chunk_count(outcome)
        self._move()

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


class _Writing:
    """The two lines, and the groups that are between them."""

    def __init__(
        self,
        outbox: Outbox,
        working: Working,
        vectors: PaidOnce,
        written: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._outbox = outbox
        self._working = working
        self._vectors = vectors
        self._written = written
        self._complete = Outbox()
        self._groups: dict[str, _Group] = {}
        self._slots = anyio.Semaphore(GROUPS_AT_ONCE)
        self._writers = anyio.Semaphore(GROUPS_AT_ONCE)

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write_all)
            failure = await self._embed_all()
            self._complete.close()
        if failure is not None:
            raise failure

    async def _embed_all(self) -> BaseException | None:
        """Returns what made it impossible to have all vectors, if anything did."""
        try:
            async with anyio.create_task_group() as tasks:
                await self._slots.acquire()
                while outcomes := await self._outbox.next_group():
                    tasks.start_soon(self._embed, _Group(outcomes))
                    await self._slots.acquire()
        except ExceptionGroup as failures:
            return first_failure(failures)
        return None

    async def _embed(self, group: "_Group") -> None:
        self._groups.update(dict.fromkeys(group.keys, group))
        self._complete_all(group.without_texts)
        await self._vectors.fetch(group.texts, lambda found: self._complete_all(group.take(found)))

    def _complete_all(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._complete.put_nowait(outcome)

    async def _write_all(self) -> None:
        async with anyio.create_task_group() as tasks:
            # A writer first, so that what becomes complete while all are busy is one group.
            await self._writers.acquire()
            while outcomes := await self._complete.next_group():
                tasks.start_soon(self._write, outcomes)
                await self._writers.acquire()

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        groups = [self._groups.pop(outcome.key) for outcome in outcomes]
        entries = [outcome for outcome in outcomes if isinstance(outcome, WorkingEntry)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, FailedEntry)]
        if entries:
            vectors = ChainMap(*(group.found for group in dict.fromkeys(groups)))
            await self._working.write(entries, vectors)
        if failed:
            await self._working.write_failed(failed)
        self._writers.release()
        for group in groups:
            group.unwritten -= 1
            if not group.unwritten:
                self._slots.release()
        self._written(outcomes)


class _Group:
    """Files that ask for their vectors together, and how many each of them still waits for."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.texts: dict[bytes, str] = {}
        self.found: Found = {}
        self.unwritten = len(outcomes)
        self._outcomes = outcomes
        self._missing: list[int] = []
        self._waiting: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, outcome in enumerate(outcomes):
            texts = _texts(outcome)
            self.texts.update(texts)
            self._missing.append(len(texts))
            for key in texts:
                self._waiting[key].append(place)

    @property
    def keys(self) -> list[str]:
        return [outcome.key for outcome in self._outcomes]

    @property
    def without_texts(self) -> list[Outcome]:
        return [each for each in self._outcomes if not _chunk_count(each)]

    def take(self, found: Found) -> list[Outcome]:
        """The files whose last vectors are among `found`."""
        self.found.update(found)
        return [self._outcomes[place] for key in found for place in self._completed(key)]

    def _completed(self, key: bytes) -> list[int]:
        places = self._waiting.pop(key)
        for place in places:
            self._missing[place] -= 1
        return [place for place in places if not self._missing[place]]


def _texts(outcome: Outcome) -> dict[bytes, str]:
    if isinstance(outcome, FailedEntry):
        return {}
    return {
        prepared.text_hash: embedded_text(draft.symbol, draft.text)
        for draft, prepared in outcome.chunks
    }
