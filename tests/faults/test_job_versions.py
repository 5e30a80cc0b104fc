"""Code from before jobs were durable, beside this one, on one database."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import asyncpg
import pytest
from job_checks import Connection, assert_right, engine_at, finished, generation
from job_processes import job_process
from live_trees import write_tree
from pass_checks import version_tree, versions_seen

from engine import Work

REPOSITORY = Path(__file__).parents[2]

# The last one whose jobs lived in the process that asked for them.
OLD = "d44091f"
BOOT = "from engine.cli import main; main()"
FILES = 60


@pytest.fixture
def old(dsn: str, tmp_path: Path) -> dict[str, str]:
    """The environment in which the old code runs."""
    place = tmp_path / "old"
    place.mkdir()
    archive = subprocess.run(
        ["git", "archive", OLD, "engine", "prewarm", "resolver"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        pytest.skip(f"the history does not reach back: {archive.stderr.decode().strip()}")
    subprocess.run(["tar", "-x", "-C", str(place)], input=archive.stdout, check=True)
    return os.environ | {
        "PYTHONPATH": str(place),
        "WIDTHWISE_DSN": dsn,
        "WIDTHWISE_HOME": str(tmp_path / "home"),
        "WIDTHWISE_EMBEDDER": "hashed",
        "WIDTHWISE_WORKER_PROCESSES": "1",
    }


async def index_with_old_code(root: Path, environment: Mapping[str, str]) -> str:
    """What it complains of, which is nothing if all went well."""
    command = [sys.executable, "-c", BOOT, "index", str(root), "--json"]
    told = await anyio.run_process(command, env=environment, cwd=root.parent, check=False)
    return "" if told.returncode == 0 else told.stderr.decode()


async def watch(dsn: str, realm: str, mixed: list[tuple[int, ...]], looks: list[int]) -> None:
    connection: Connection = await asyncpg.connect(dsn)
    try:
        while True:
            versions, files = await versions_seen(connection, realm)
            looks[0] += 1
            if len(versions) != 1 or files != FILES:
                mixed.append(versions)
    finally:
        with anyio.CancelScope(shield=True):
            await connection.close()


@pytest.mark.long
async def test_old_and_new_code_index_one_realm_at_once_and_mix_nothing(
    dsn: str, connection: Connection, root: Path, tmp_path: Path, old: dict[str, str]
) -> None:
    realm, mixed, looks = str(root), list[tuple[int, ...]](), [0]
    write_tree(root, version_tree(0, FILES))
    assert await index_with_old_code(root, old) == ""
    complaints: list[str] = []

    async def in_old() -> None:
        complaints.append(await index_with_old_code(root, old))

    async with anyio.create_task_group() as watching:
        watching.start_soon(watch, dsn, realm, mixed, looks)
        for number in range(1, 7):
            write_tree(root, version_tree(number, FILES))
            with anyio.fail_after(120):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(in_old)
                    # The first of these brings the schema forward, under the old code's feet.
                    async with (
                        job_process(dsn, tmp_path, max_attempts=10) as worker,
                        engine_at(dsn, tmp_path, work=Work.NONE) as front,
                    ):
                        report = await finished(await front.index(realm))
                        assert report.files == FILES
                        worker.terminate()
                        await worker.ended()
        watching.cancel_scope.cancel()
    assert looks[0] > 6
    assert mixed == []
    async with (
        engine_at(dsn, tmp_path, work=Work.NONE) as front,
        job_process(dsn, tmp_path) as worker,
    ):
        await finished(await front.index(realm))
        worker.terminate()
        await worker.ended()
    assert await versions_seen(connection, realm) == ((6,), FILES)
    assert await generation(connection, realm) >= 6
    await assert_right(dsn, connection, root, realm=realm)
    # It begins while the new code runs, and either of them may take the realm from the other.
    assert all("another pass" in text for text in complaints if text), complaints
