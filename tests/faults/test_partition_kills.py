"""A move of the chunks is killed beside passes, again and again: nothing is lost, nothing left."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import anyio
import asyncpg
import pytest
from anyio.streams.text import TextReceiveStream
from job_checks import engine_at
from live_trees import write_tree
from own_postgres import OwnPostgres, own_postgres
from pass_checks import REALM, recovered, version_tree, versions_seen

from engine import Engine, Folder
from engine.index.partitioning import Layout, read_layout

CHILD = Path(__file__).with_name("partition_child.py")
FILES = 40
PATIENCE_SECONDS = 120
MOMENTS = ("preparing", "copying", "copied", "index: ", "index of", "taking")
UNOWNED = """
SELECT count(*) FROM chunks
WHERE NOT EXISTS (SELECT FROM entries WHERE entries.version = chunks.version)
"""


async def test_a_killed_move_goes_on_beside_passes(dsn: str, tmp_path: Path) -> None:
    await moved_beside_passes(dsn, tmp_path, kills=("copying",))


@pytest.mark.long
async def test_a_move_that_is_killed_anywhere_goes_on(dsn: str, tmp_path: Path) -> None:
    await moved_beside_passes(dsn, tmp_path, kills=(*MOMENTS, "index: chunks_4_3_words", *MOMENTS))


@pytest.mark.long
async def test_a_move_outlives_a_crash_of_the_server(tmp_path: Path) -> None:
    """Killed in the middle of a move and of a pass, with what it had not written yet."""
    root = tmp_path / "tree"
    write_tree(root, version_tree(0, FILES))
    async with (
        own_postgres(tmp_path / "own") as server,
        engine_at(server.dsn, tmp_path / "home", max_attempts=10) as engine,
    ):
        await (await (await engine.add_realm(REALM, Folder(root))).index()).finished()
        for moment in ("copying", "index: chunks_4_1"):
            write_tree(root, version_tree(len(moment), FILES))
            job = await engine.index(REALM)
            await crashed(server, 4, at=moment)
            await server.start()
            with anyio.fail_after(PATIENCE_SECONDS):
                await job.finished()
        assert await killed(server.dsn, 4, at="never")
        connection = await asyncpg.connect(server.dsn)
        await recovered(connection, engine, root)
        assert await connection.fetchval(UNOWNED) == 0
        assert await read_layout(connection) == Layout(4)
        await connection.close()


async def crashed(server: OwnPostgres, parts: int, *, at: str) -> None:
    """The server is killed when the move is there, which ends the move."""
    async with await anyio.open_process(
        [sys.executable, CHILD, str(parts)], stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        await child.stdin.send(f"{server.dsn}\n".encode())
        async with aclosing(lines(child)) as told:
            async for line in told:
                if line.startswith(at) and server.is_up:
                    await server.kill()
        assert await child.wait() != 0


async def moved_beside_passes(dsn: str, tmp_path: Path, *, kills: tuple[str, ...]) -> None:
    root = tmp_path / "tree"
    write_tree(root, version_tree(0, FILES))
    connection = await asyncpg.connect(dsn)
    async with engine_at(dsn, tmp_path / "home") as engine:
        await (await (await engine.add_realm(REALM, Folder(root))).index()).finished()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pass_forever, engine, root)
            tasks.start_soon(search_forever, engine, dsn)
            with anyio.fail_after(PATIENCE_SECONDS):
                for moment in kills:
                    await killed(dsn, 4, at=moment)
                assert await killed(dsn, 4, at="never")
            tasks.cancel_scope.cancel()
        assert await read_layout(connection) == Layout(4)
        await recovered(connection, engine, root)
        assert await connection.fetchval(UNOWNED) == 0
    await connection.close()


async def killed(dsn: str, parts: int, *, at: str) -> bool:
    """Whether it came to its end before the moment at which it was to be killed."""
    async with await anyio.open_process([sys.executable, CHILD, str(parts)], stderr=None) as child:
        assert child.stdin is not None
        await child.stdin.send(f"{dsn}\n".encode())
        async with aclosing(lines(child)) as told:
            async for line in told:
                if line.startswith(at):
                    child.kill()
        return await child.wait() == 0


async def lines(child: anyio.abc.Process) -> AsyncIterator[str]:
    assert child.stdout is not None
    rest = ""
    async for text in TextReceiveStream(child.stdout):
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line


async def pass_forever(engine: Engine, root: Path) -> None:
    for number in range(1, 10_000):
        write_tree(root, version_tree(number, FILES))
        await (await engine.index(REALM)).finished()


async def search_forever(engine: Engine, dsn: str) -> None:
    """Readers see one version of all files, as without a move, whatever else goes on."""
    connection = await asyncpg.connect(dsn)
    try:
        while True:
            assert await engine.search("version of file", limit=5)
            versions, files = await versions_seen(connection, REALM)
            assert len(versions) == 1
            assert files == FILES
    finally:
        connection.terminate()
