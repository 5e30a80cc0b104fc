"""The command that says how many visits at once a realm is worth. Measures nothing itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import show
from engine.cli.opened import with_engine
from engine.cli.realms import choose_realm
from engine.engine import Engine
from engine.telling import counted

if TYPE_CHECKING:
    from engine.rehearsal import Tuning


def tune_command(
    realm: Annotated[str, typer.Argument(help="A realm: its name, its path, or the path's end.")],
    *,
    caps: Annotated[
        list[int] | None, typer.Option("--cap", min=1, help="A cap to try; repeatable.")
    ] = None,
    files: Annotated[
        int | None, typer.Option(min=1, help="How many files to visit; 1,000 if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Visit a realm's files at rising caps, and say what to set. Its index stays as it is."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm)
        found = await engine.tune(name, caps=caps or (), max_files=files)
        if json:
            show.print_json(found.as_json())
        else:
            _show(found)

    with_engine(run)


def _show(found: "Tuning") -> None:
    shape, advice = found.shape, found.advice
    show.line(
        f"{found.realm}: visited {found.visited:,} of {counted(shape.files, 'file')};"
        f" width {shape.width:,}, {shape.depth} layers"
    )
    for each in found.samples:
        failed = f", {each.failed} failed" if each.failed else ""
        mark = "  <- knee" if each.cap == advice.knee else ""
        show.line(
            f"  cap {each.cap:>3}: {each.at_once:>3} at once, {each.seconds:8.3f} s,"
            f" {each.cpu_seconds:8.3f} s CPU{failed}{mark}"
        )
    show.line(f"bound by the {advice.ceiling}: {advice.reason}")
    show.line(f"set {advice.setting}={advice.value}")
