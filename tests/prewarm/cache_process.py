"""A process with a cache of its own. Obeys lines on its input, tells what it does on its output.

Run as `python cache_process.py DSN KEY`. Says `ready`, and on a line asks for the key.
A load says `loading` and waits for a line. At the end says `got DETAIL`.
"""

import sys

import anyio
import anyio.to_thread
import asyncpg

from prewarm import (
    AdvisoryLocks,
    Definition,
    DefinitionCache,
    PostgresCoalescer,
    PostgresDefinitions,
)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def told() -> str:
    return await anyio.to_thread.run_sync(sys.stdin.readline)


async def load(key: str) -> Definition:
    say("loading")
    return Definition(key, detail=(await told()).strip())


async def main(dsn: str, key: str) -> None:
    async with (
        AdvisoryLocks(dsn) as locks,
        asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool,
    ):
        store = PostgresDefinitions(pool, "realm", version_of=lambda _key: "1")
        cache = DefinitionCache(load, store=store, coalescer=PostgresCoalescer(locks, "realm"))
        say("ready")
        await told()
        say("got " + (await cache.get(key)).detail)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
