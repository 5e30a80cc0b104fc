"""Has the chunks moved into partitions, or back. Knows how it is told, not how it is done."""

from typing import Annotated

import typer

from engine.cli import show
from engine.cli.opened import with_database
from engine.errors import BadSetting
from engine.index.database import Database
from engine.index.partitioning import Layout, partition, read_layout
from engine.index.partitioning import discard as discard_copy


def partition_command(
    parts: Annotated[
        int | None,
        typer.Argument(help="How many partitions; 1 for the one table. Without it: what there is."),
    ] = None,
    *,
    discard: Annotated[
        bool, typer.Option("--discard", help="Give up a move that was begun.")
    ] = False,
) -> None:
    """Move the chunks into partitions by their realm, while searches and passes go on.

    Interrupted, it goes on where it was when it is run again.
    """

    async def run(database: Database) -> None:
        if database.lends:
            raise BadSetting(
                "chunks are moved by a session of its own, and the pooler has none to give; "
                "WIDTHWISE_SESSION_DSN can name a way around it"
            )
        if discard:
            dropped = await discard_copy(database.dsn)
            show.line("discarded" if dropped else "nothing to discard")
        elif parts is not None:
            await partition(database.dsn, parts, tell=show.line)
        async with database.pool.acquire() as connection:
            show.line(told(await read_layout(connection)))

    with_database(run)


def told(layout: Layout) -> str:
    here = "one table" if layout.live == 1 else f"{layout.live} partitions"
    if layout.staged is None:
        return here
    return f"{here}; a move to {layout.staged} was begun: `widthwise partition {layout.staged}`"
