"""Brings one repository ten times at once and says how: `root url` on the command line."""

import os
import sys
from pathlib import Path

import anyio

from engine.sources import Checkouts, GitRepository


async def main(root: str, url: str) -> None:
    checkouts = Checkouts(root=Path(root))

    async def bring() -> None:
        repository = GitRepository(url, fetch=False)
        async with repository.brought(checkouts, lambda _: None) as tree:
            print(tree.snapshot().revision, flush=True)  # noqa: T201 - its answer

    async with anyio.create_task_group() as tasks:
        for _ in range(int(os.environ.get("TIMES", "10"))):
            tasks.start_soon(bring)


anyio.run(main, *sys.argv[1:])
