"""What a shell may complete. Quick and silent: nothing is started, and no error is shown."""

import logging
from collections.abc import Iterable

import anyio
import asyncpg

from engine.index.embedded import running_postgres
from engine.index.live import realm_names
from engine.settings import Settings

# Somebody waits with a finger on the key.
SECONDS = 1.0
MOST_NAMES = 500


def complete_realm(incomplete: str) -> list[str]:
    """The realms that a word may become; none where no database runs."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        return fitting(anyio.run(_known_names), incomplete)
    except Exception:
        # Whatever is wrong, the command itself will say.
        return []
    finally:
        logging.disable(before)


async def _known_names() -> list[str]:
    settings = Settings.from_environment()
    dsn = settings.dsn or running_postgres(settings.home)
    if not dsn:
        return []
    with anyio.fail_after(SECONDS):
        connection = await asyncpg.connect(dsn, timeout=SECONDS)
        try:
            return await realm_names(connection, limit=MOST_NAMES)
        finally:
            connection.terminate()


def fitting(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that begin so; and of paths the last parts, where these tell them apart."""
    known = list(names)
    ends = [name.rpartition("/")[2] for name in known]
    offered = [
        end if ends.count(end) == 1 and end.startswith(incomplete) else name
        for name, end in zip(known, ends, strict=True)
    ]
    return [each for each in offered if each.startswith(incomplete)]
