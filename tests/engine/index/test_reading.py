"""The replica is asked while it answers, and what fails there is asked of the primary."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from engine import RealmNotFound, Settings
from engine.index.database import DatabaseUnavailable, open_database
from engine.index.reading import Reading, open_reading

PRIMARY, REPLICA = cast(Any, "primary"), cast(Any, "replica")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def asking(error: Exception | None) -> tuple[Callable[[Any], Awaitable[str]], list[str]]:
    """Asks whoever it is given; the replica fails like that."""
    asked: list[str] = []

    async def ask(pool: Any) -> str:
        asked.append(pool)
        if pool == REPLICA and error is not None:
            raise error
        return str(pool)

    return ask, asked


@pytest.mark.parametrize(
    ("error", "pause_seconds"),
    [
        (None, 0),
        (RealmNotFound("new"), 0),
        (asyncpg.UndefinedTableError("not there yet"), 0),
        (asyncpg.SerializationError("conflict with recovery"), 0),
        (asyncpg.TooManyConnectionsError("no more"), 1),
        (asyncpg.CannotConnectNowError("starting up"), 1),
        (asyncpg.ConnectionDoesNotExistError("gone"), 1),
        (ConnectionRefusedError(), 1),
        (TimeoutError(), 1),
    ],
)
async def test_what_fails_there_is_asked_of_the_primary(
    error: Exception | None, pause_seconds: float
) -> None:
    reading = Reading(PRIMARY, REPLICA, clock=Clock())
    ask, asked = asking(error)
    assert await reading.read(ask) == ("primary" if error else "replica")
    assert asked == ["replica", *(["primary"] if error else [])]
    assert reading.pause_seconds == pause_seconds


async def test_it_is_left_alone_for_longer_and_longer_until_it_answers() -> None:
    clock = Clock()
    reading = Reading(PRIMARY, REPLICA, clock=clock)
    failing, tried = asking(ConnectionRefusedError())
    for seconds in range(400):
        clock.now = float(seconds)
        await reading.read(failing)
    assert tried.count("replica") == 12  # after 0, 1, 3, 7, 15, 31, 63, 123, ... seconds
    assert reading.pause_seconds == 60
    well, asked = asking(None)
    clock.now = 10_000
    assert await reading.read(well) == "replica"
    assert reading.pause_seconds == 0
    assert asked == ["replica"]


async def test_a_mistake_of_the_asker_is_told_by_the_primary() -> None:
    async def ask(pool: Any) -> str:
        raise asyncpg.DataError(f"told by the {pool}")

    reading = Reading(PRIMARY, REPLICA, clock=Clock())
    with pytest.raises(asyncpg.DataError, match="told by the primary"):
        await reading.read(ask)
    assert reading.pause_seconds == 0


async def test_a_malformed_address_is_told_without_its_password(dsn: str) -> None:
    async with open_database(dsn=dsn, home=Path()) as database:
        with pytest.raises(DatabaseUnavailable, match="WIDTHWISE_SEARCH_DSN") as told:
            async with open_reading(database.pool, replica_dsn="postgres:hidden-word@host"):
                pass
        assert "hidden-word" not in str(told.value)
    settings = Settings(search_dsn="postgresql://me:hidden-word@host/db")
    assert "hidden-word" not in repr(settings) + repr(settings.table())
