"""The tools for an agent that starts this command and speaks to it."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.opened import with_engine
from engine.engine import Engine
from engine.errors import BadSetting
from engine.extras import require_protocol_of_agents
from engine.opening import Work


def mcp_command(
    *,
    write: Annotated[
        bool, typer.Option("--write", help="The agent may index, and add repositories.")
    ] = False,
    folder: Annotated[
        list[Path] | None, typer.Option(help="With --write, a folder below which it may index.")
    ] = None,
) -> None:
    """Serve agents over the pipes of this process, by the Model Context Protocol.

    An agent starts this itself: give it the command `widthwise mcp`. Over HTTP agents find
    the same tools at /mcp of `widthwise serve`.
    """
    require_protocol_of_agents()
    if folder and not write:
        raise BadSetting("--folder: says what may be added, which takes --write")

    # Agents are for those who have one.
    from engine.web import serve_agents  # noqa: PLC0415

    async def run(engine: Engine) -> None:
        await serve_agents(engine, may_write=write, folders=folder or ())

    with_engine(run, work=Work.ANY if write else Work.NONE)
