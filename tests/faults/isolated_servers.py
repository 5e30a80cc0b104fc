"""A web server as far as it matters here: a process with an engine, which asks for one pass."""

import logging
import sys
from pathlib import Path

import anyio

from engine import Engine, Folder, Isolation, Settings


async def serve(dsn: str, home: str, root: str) -> None:
    settings = Settings(
        dsn=dsn, home=Path(home), isolation=Isolation.PROCESS, embedder="hashed", worker_processes=1
    )
    async with Engine.open(settings) as engine:
        realm = await engine.add_realm("r", Folder(Path(root)))
        job = await realm.index()
        print(job.id, flush=True)  # noqa: T201 - for the test that started us
        await anyio.sleep_forever()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    anyio.run(serve, *sys.argv[1:])
