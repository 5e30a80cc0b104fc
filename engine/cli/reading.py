"""The commands that show what is in a file. Thin paths to the engine, as those of `app` are."""

from typing import Annotated

import typer

from engine import telling
from engine.cli import show
from engine.cli.opened import with_engine
from engine.cli.options import FileArgument, Json, RealmOption
from engine.cli.realms import choose_realm_of
from engine.engine import Engine
from engine.index.outline import MAX_PARTS, USUAL_PARTS


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (outline, lines):
        app.command(command.__name__)(command)


def outline(
    key: FileArgument,
    *,
    realm: RealmOption = None,
    skip: Annotated[int, typer.Option(min=0, help="Leave out the first so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PARTS, help="How many.")] = USUAL_PARTS,
    json: Json = False,
) -> None:
    """What a file declares, with the lines, as it was indexed."""

    async def run(engine: Engine) -> None:
        name = await choose_realm_of(engine, key, realm)
        found = await engine.outline(name, key, skip=skip, limit=limit)
        if json:
            show.print_json(found.as_json())
            return
        show.told(telling.outline_lines(found))
        if found.next_skip:
            show.line(f"  and {found.part_count - found.next_skip} more (--skip {found.next_skip})")

    with_engine(run)


def lines(
    key: FileArgument,
    *,
    realm: RealmOption = None,
    start: Annotated[int, typer.Option(min=1, help="The first line.")] = 1,
    end: Annotated[int | None, typer.Option(min=1, help="The last line.")] = None,
    json: Json = False,
) -> None:
    """Lines of a file as it was indexed, whatever became of it on the disk."""

    async def run(engine: Engine) -> None:
        name = await choose_realm_of(engine, key, realm)
        found = await engine.lines(name, key, start=start, end=end)
        if json:
            show.print_json(found.as_json())
            return
        show.told(telling.lines_lines(found))
        if found.next_line:
            show.line(f"go on with --start {found.next_line}")

    with_engine(run)
