"""A program that indexes and searches, and then tells what it has imported; run by a test."""

import sys
from pathlib import Path

import anyio

from engine import Engine, Folder, Isolation, Settings
from engine.web import create_app


async def serve(dsn: str, home: str, root: str) -> None:
    settings = Settings(
        dsn=dsn, home=Path(home), isolation=Isolation.PROCESS, worker_processes=1, embedder="local"
    )
    async with Engine.open(settings) as engine:
        create_app(engine)
        realm = await engine.add_realm("r", Folder(Path(root)))
        assert (await (await realm.index()).finished()).visited == 2
        assert await realm.search("user")
        await realm.status()
        await engine.explain("r", "user.py")
        assert (await engine.outline("r", "user.py")).parts[0].symbol == "User"
    print(*sorted(sys.modules), sep="\n")  # noqa: T201 - the answer


if __name__ == "__main__":
    anyio.run(serve, *sys.argv[1:])
