"""Visited files become working rows as soon as they have their vectors; the last stage before
the swap.

Groups of files pass two lines. Out of the first, a group asks for its vectors together. A file
whose last vector came goes to the second line, and what is in that is written in groups again,
so that a slow text holds up its own file and a commit is shared by many. So many chunks may be
between the two lines and the database, which is what bounds the memory of a pass.
"""

from collections import ChainMap, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import anyio
import anyio.lowlevel
from pgvector import HalfVector

from engine.chunk_text import embedded_text
from engine.embedding import Found, Supply
from engine.errors import first_failure
from engine.index.working import FailedEntry, Working, WorkingEntry
from engine.shortened_vector import ShortenedVector
from engine.vectors import PaidOnce
from prewarm import Bell

Outcome: TypeAlias = WorkingEntry | FailedEntry

# A group is one transaction: large enough to make its commit cheap, small enough that a
# killed pass loses little and that memory stays flat.
GROUP_FILES = 64
GROUP_CHUNKS = 512
GROUP_SECONDS = 0.2
WRITERS = 4

# Some 12 MB. A quick embedder takes 256 of them every 20 ms, and from the answer to the row it
# may take ten times as long.
CHUNKS_IN_HAND = 4096


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
        self._came = Bell()
        self._went = Bell()

    async def put(self, outcome: Outcome) -> None:
        while len(self._line) >= self._limit:
            await self._went.wait()
        self.put_nowait(outcome)
        await anyio.lowlevel.checkpoint()

    def put_nowait(self, outcome: Outcome) -> None:
        """For whoever bounds by other means what can be in line."""
        self._line.append(outcome)
        self._chunks += _chunk_count(outcome)
        # Who waits for a group need not look at each of its files.
        if len(self._line) == 1 or self._is_group():
            self._came.ring()

    def close(self) -> None:
        """No more will be put; what is in line is still handed over."""
        self._closed = True
        self._came.ring()

    async def next_group(self) -> list[Outcome]:
        """What is in line, up to a group; waits a little for more, empty at the end."""
        while not self._line and not self._closed:
            await self._came.wait()
        with anyio.move_on_after(GROUP_SECONDS):
            while not self._is_group() and not self._closed:
                await self._came.wait()
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
        self._went.ring()
        return group


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
        self._room = _Room(CHUNKS_IN_HAND)
        self._writers = anyio.Semaphore(WRITERS)
        self._is_ended = False
        # Files that have all their vectors: each of them makes room once it is written.
        self._unwritten = 0

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
                while outcomes := await self._outbox.next_group():
                    group = _Group(await self._without_kept_chunks(outcomes))
                    await self._enter(group)
                    tasks.start_soon(self._embed, group)
                self._is_ended = True
                self._tell_supply()
        except ExceptionGroup as failures:
            return first_failure(failures)
        return None

    async def _without_kept_chunks(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """What stays as it is in the live index needs no vectors and is not written again."""
        visited = [each for each in outcomes if isinstance(each, WorkingEntry)]
        kept = await self._working.kept_chunks(visited)
        return [
            each._replace(chunks=(), keeps=kept[each.key])
            if isinstance(each, WorkingEntry) and each.key in kept
            else each
            for each in outcomes
        ]

    async def _enter(self, group: "_Group") -> None:
        while not self._room.enter(group.chunk_count):
            self._tell_supply()
            await self._room.left()
        self._tell_supply()

    def _tell_supply(self) -> None:
        """Texts may come unless all have, or only vectors can make room for more."""
        if self._is_ended:
            self._vectors.supply(Supply.ENDED)
        elif self._room.is_short and not self._unwritten:
            self._vectors.supply(Supply.BLOCKED)
        else:
            self._vectors.supply(Supply.MORE)

    async def _embed(self, group: "_Group") -> None:
        self._groups.update(dict.fromkeys(group.keys, group))
        self._complete_all(group.without_texts)
        await self._vectors.fetch(group.texts, lambda found: self._complete_all(group.take(found)))

    def _complete_all(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._unwritten += 1
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
        vectors = ChainMap(*(group.found for group in dict.fromkeys(groups)))
        entries = [_marked(each, vectors) for each in outcomes if isinstance(each, WorkingEntry)]
        failed = [outcome for outcome in outcomes if isinstance(outcome, FailedEntry)]
        if entries:
            await self._working.write(entries, vectors)
        if failed:
            await self._working.write_failed(failed)
        self._writers.release()
        self._unwritten -= len(outcomes)
        self._room.leave(sum(map(_chunk_count, outcomes)))
        self._tell_supply()
        self._written(outcomes)


def _marked(entry: WorkingEntry, vectors: Mapping[bytes, HalfVector]) -> WorkingEntry:
    """The entry, saying of which chunks the embedder has seen the beginning only.

    Whether it will next time is not for the chunks to tell, so they will be written again.
    """
    marks = tuple(
        f"chunk {number} of lines {draft.start_line}-{draft.end_line}: shortened to"
        f" {vector.chars} characters for the embedder"
        for number, (draft, prepared) in enumerate(entry.chunks, 1)
        if isinstance(vector := vectors[prepared.text_hash], ShortenedVector)
    )
    if not marks:
        return entry
    return entry._replace(diagnostics=(*entry.diagnostics, *marks), chunks_hash=None)


class _Room:
    """For so many chunks at once, or for one group that has more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._moved = Bell()
        self.is_short = False

    def enter(self, chunks: int) -> bool:
        """Take room for so many; whether there was enough."""
        self.is_short = bool(self._taken) and self._taken + chunks > self._limit
        if not self.is_short:
            self._taken += chunks
        return not self.is_short

    async def left(self) -> None:
        await self._moved.wait()

    def leave(self, chunks: int) -> None:
        self._taken -= chunks
        self._moved.ring()


class _Group:
    """Files that ask for their vectors together, and how many each of them still waits for."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.texts: dict[bytes, str] = {}
        self.found: Found = {}
        self.chunk_count = sum(map(_chunk_count, outcomes))
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
