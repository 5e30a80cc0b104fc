"""Texts are embedded while other files are still being parsed, and none in vain."""

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest
from live_trees import OpenEngine, live_rows, write_tree

from engine import File, Folder, HashedEmbedder, PassReport, Visit, VisitContext
from engine.chunk_text import text_hash
from engine.embedders import Vectors
from engine.embedding import embedding_queue
from engine.foretelling import GROUP_TEXTS, TEXTS_IN_HAND, Foretelling
from engine.vectors import KnownVectors, PaidOnce
from prewarm import DefinitionCache

# Of which every function is a chunk of its own.
FILES = {
    f"m{file:02}.py": "\n\n".join(
        f"def f{file}_{number}():\n" + f"    print({file}, {number})\n" * 40 for number in range(30)
    )
    for file in range(40)
}


class PatientFolder(Folder):
    """Its last file can't be read before the embedder was asked for anything."""

    def __init__(self, root: Path, asked: Path) -> None:
        super().__init__(root)
        self._asked = asked

    def read(self, key: str, *, max_bytes: int | None = None) -> bytes:
        give_up = time.monotonic() + 60
        while key == "z.py" and not self._asked.exists():
            assert time.monotonic() < give_up, "nothing was embedded until all was parsed"
            time.sleep(0.01)
        return super().read(key, max_bytes=max_bytes)


class Noting(HashedEmbedder):
    """Notes each text, on disk that there was one, and can stall after some."""

    def __init__(self, asked: Path, *, stalls_after: int | None = None) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._asked = asked
        self._stalls_after = stalls_after

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self._asked.touch()
        self.texts += texts
        if self._stalls_after is not None and len(self.texts) > self._stalls_after:
            await anyio.sleep_forever()
        return await super().embed(texts)


async def _index(open_engine: OpenEngine, source: Folder, **options: object) -> PassReport:
    async with open_engine(**options) as engine:
        realm = await engine.add_realm("r", source)
        return await (await realm.index()).finished()


async def test_texts_are_embedded_while_other_files_are_parsed_and_each_once(
    open_engine: OpenEngine, tmp_path: Path, dsn: str
) -> None:
    root = write_tree(tmp_path / "t", {**FILES, "z.py": "def last(): ...\n"})
    embedder = Noting(tmp_path / "asked")
    source = PatientFolder(root, tmp_path / "asked")
    with anyio.fail_after(90):
        report = await _index(open_engine, source, embedder=embedder)
    assert report.errors == 0
    assert report.texts_embedded == len(embedder.texts) == len(set(embedder.texts)) == 1201
    async with open_engine(embedder=embedder) as engine:
        fresh = await engine.add_realm("fresh", Folder(root))
        assert (await (await fresh.index()).finished()).texts_embedded == 0
    assert await live_rows(dsn, "r") == await live_rows(dsn, "fresh")


async def test_nothing_of_a_pass_is_held_once_it_has_ended(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    """What is asked for ahead is asked within a load, whose context the driver's timers keep."""
    root = write_tree(tmp_path / "t", FILES)
    async with open_engine(embedder=Noting(tmp_path / "asked")) as engine:
        realm = await engine.add_realm("r", Folder(root))
        await (await realm.index()).finished()
        gc.collect()
        assert not [each for each in gc.get_objects() if type(each) is DefinitionCache]


class Silent:
    """A visitor that finds nothing worth embedding, and does not promise anything."""

    fingerprint = "silent-1"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        return Visit()


async def test_nothing_is_embedded_ahead_of_a_visitor_that_does_not_foretell(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "t", FILES)
    embedder = Noting(tmp_path / "asked")
    report = await _index(open_engine, Folder(root), embedder=embedder, visitor=Silent())
    assert report.visited == len(FILES)
    assert embedder.texts == []


def _texts(start: int, count: int) -> Callable[[], list[tuple[bytes, str]]]:
    numbers = range(start, start + count)
    return lambda: [(text_hash(f"text {n}"), f"text {n}") for n in numbers]


async def test_no_more_is_taken_in_hand_than_has_room(tmp_path: Path) -> None:
    embedder = Noting(tmp_path / "asked", stalls_after=0)
    known = KnownVectors(None, None, dimension=256)
    asked = 0
    async with (
        embedding_queue(
            embedder, known.keep, batch_size=32, concurrency=8, timeout_seconds=60
        ) as queue,
        anyio.create_task_group() as tasks,
    ):
        ahead = Foretelling(PaidOnce(queue, known), tasks)
        for start in range(0, 4 * TEXTS_IN_HAND, 100):
            made = _texts(start, 100)

            def counted(made: Callable[[], list[tuple[bytes, str]]] = made) -> object:
                nonlocal asked
                asked += 100
                return made()

            ahead.tell(counted)  # type: ignore[arg-type]
        assert TEXTS_IN_HAND <= asked < TEXTS_IN_HAND + GROUP_TEXTS
        tasks.cancel_scope.cancel()


async def test_a_refusal_ahead_of_the_visits_fails_the_pass_and_nothing_else(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    class Refusing(HashedEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            raise ValueError("no such model")

    root = write_tree(tmp_path / "t", FILES)
    with pytest.raises(Exception, match="no such model"):
        await _index(open_engine, Folder(root), embedder=Refusing())
