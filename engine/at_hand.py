"""Have the files of a realm on this disk while somebody looks at them."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from engine.settings import Settings
from engine.sources import Checkouts, RemoteSource, Source, UrlRules, unmoved

log = logging.getLogger("widthwise.sources")

DAY_SECONDS = 86_400


@asynccontextmanager
async def at_hand(
    source: Source,
    settings: Settings,
    *,
    name: str,
    moved: Callable[[int, int], None] = unmoved,
) -> AsyncIterator[Source]:
    """The source to list and read: itself, or what was brought of it for the block.

    `moved` is told how far it is on its way, in steps done and known of.
    """

    def report(line: str) -> None:
        log.info("realm=%s: %s", name, line)

    if isinstance(source, RemoteSource):
        async with source.brought(checkouts_of(settings), report, moved=moved) as here:
            yield here
    else:
        yield source


def checkouts_of(settings: Settings) -> Checkouts:
    return Checkouts(
        root=settings.home / "checkouts",
        rules=UrlRules(
            settings.git_transports, settings.git_hosts, public_only=settings.public_only
        ),
        timeout_seconds=settings.git_timeout_seconds,
        max_bytes=settings.checkout_mb << 20,
        max_age_seconds=settings.checkout_days * DAY_SECONDS,
    )
