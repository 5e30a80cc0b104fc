"""Options and arguments that several commands take."""

from typing import Annotated

import typer

from engine.cli.completing import complete_realm

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value for programs.")]
FileArgument = Annotated[str, typer.Argument(help="A file, relative to its realm.")]
RealmOption = Annotated[
    str | None,
    typer.Option(
        "--realm",
        help="A realm: its name, its path, or the path's end.",
        autocompletion=complete_realm,
    ),
]
RealmArgument = Annotated[
    str,
    typer.Argument(
        help="A realm: its name, its path, or the path's end.", autocompletion=complete_realm
    ),
]
OneRealm = Annotated[
    str | None,
    typer.Argument(help="One realm; all if not given.", autocompletion=complete_realm),
]
