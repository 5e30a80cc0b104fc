"""The commands, each a thin path from arguments to the engine and from its values to text."""

import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import jobs, reading, show
from engine.cli.documents import is_document, place_of
from engine.cli.indexing import index_source
from engine.cli.mcp import mcp_command
from engine.cli.opened import Interrupted, with_engine
from engine.cli.options import FileArgument, Json, RealmArgument, RealmOption
from engine.cli.partition import partition_command
from engine.cli.realms import choose_realm, choose_realm_of
from engine.cli.serve import serve_command
from engine.cli.tune import tune_command
from engine.cli.work import work_command
from engine.engine import Engine
from engine.errors import WidthwiseError, first_failure
from engine.index.database import BROKEN
from engine.opening import Work
from engine.settings import Settings
from engine.sources import (
    CardRealm,
    Folder,
    GitRepository,
    OpenApiCatalog,
    Source,
    SourceError,
    is_remote,
)
from engine.sources.git_credentials import TokenFromEnvironment

EXIT_CODES = (
    "Exit codes: 0 it is done, 1 it failed, 2 the command line is wrong, 130 it was interrupted."
)

app = typer.Typer(
    name="widthwise",
    help="Keeps a search index of changing files true.",
    epilog=EXIT_CODES,
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# The framework's own root of what is wrong with a command line has no name in public.
Misused: type[Exception] = typer.BadParameter.__bases__[0]


class UsageError(Exception):
    """The command line itself is wrong: exit code 2."""


def main() -> None:
    """Run the command line. Errors are one line on stderr, the codes are `EXIT_CODES`."""
    try:
        code = app(prog_name="widthwise", standalone_mode=False)
        # Here, where it can be told that the reader has gone, and not when Python ends.
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output (`head`) has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (Exception, KeyboardInterrupt) as error:
        failure = first_failure(error)
        if (told := _told(failure)) is None:
            raise
        print(f"widthwise: {show.plain(told)}", file=sys.stderr)  # noqa: T201 - the output of a command
        raise SystemExit(_exit_code(failure)) from None
    raise SystemExit(code or 0)


def _told(error: BaseException) -> str | None:
    """What is said of an error; nothing of one that is a mistake of ours."""
    match error:
        case Interrupted() | KeyboardInterrupt():
            return "interrupted; the index is as it was"
        case UsageError() | WidthwiseError() | SourceError():
            return str(error)
        case OSError() if error.filename:
            return f"{error.filename}: {str(error.strerror).lower()}"
        case _ if isinstance(error, Misused):
            return _misuse(error)
        case _ if isinstance(error, BROKEN):
            return f"the database, or the way to it, failed: {str(error) or type(error).__name__}"
        case _:
            return None


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return 130
    return 2 if isinstance(error, UsageError | Misused) else 1


def _misuse(error: Any) -> str:
    """What the framework says of a command line, as a line that says where to look."""
    said = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if error.ctx else "widthwise"
    return f"{said[:1].lower()}{said[1:]}; see `{command} --help`"


def _show_version(wanted: bool) -> None:
    if wanted:
        show.line(f"widthwise {version('widthwise')}")
        raise typer.Exit


@app.callback()
def _configure(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Tell the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


@app.command("index")
def index_command(
    source: Annotated[
        str,
        typer.Argument(help="A folder, the URL of a repository, or an OpenAPI document."),
    ],
    *,
    realm: Annotated[
        str | None, typer.Option(help="The realm's name; the path or the URL if not given.")
    ] = None,
    branch: Annotated[
        str | None, typer.Option(help="A repository's branch; its default one if not given.")
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(help="The variable that holds a token for the repository.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only files that match, as in .gitignore.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="No files that match, as in .gitignore.")
    ] = None,
    cards: Annotated[
        bool, typer.Option("--cards", help="A realm of cards, as one with a .realm.json is.")
    ] = False,
    openapi: Annotated[
        bool,
        typer.Option("--openapi", help="SOURCE has OpenAPI documents: an address, a folder."),
    ] = False,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Visit every file again.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the index of a folder, a repository or OpenAPI documents up to date."""
    files: Source
    if openapi or is_document(source):
        files, place = OpenApiCatalog(source), place_of(source)
    elif is_remote(source):
        credentials = TokenFromEnvironment(token_env) if token_env else None
        files = GitRepository(
            source, branch, credentials, include=include or (), exclude=exclude or ()
        )
        place = files.remote.url
    else:
        if branch or token_env:
            raise UsageError(f"{source}: --branch and --token-env are for the URL of a repository")
        path = _folder(source)
        kind = CardRealm if cards or (path / ".realm.json").is_file() else Folder
        files, place = kind(path, include=include or (), exclude=exclude or ()), str(path)
    name = realm or place

    async def run(engine: Engine) -> None:
        report = await index_source(engine, name, files, from_scratch=from_scratch, quiet=json)
        await engine.tend_indexes()
        errors = await engine.errors(name, limit=show.SHOWN_ERRORS) if report.errors else []
        show.report(report, errors, as_json=json)

    # Other realms may wait for workers of their own: this command indexes what it names.
    with_engine(run, work=Work.ADDED)


def _folder(source: str) -> Path:
    path = Path(source)
    if not path.exists():
        raise UsageError(f"{source}: no such folder")
    if not path.is_dir():
        raise UsageError(f"{source}: not a folder")
    return path.resolve()


@app.command("search")
def search_command(
    text: Annotated[str, typer.Argument(help="What to look for, in words or in code.")],
    *,
    realm: RealmOption = None,
    path: Annotated[str | None, typer.Option(help="Only keys like this glob: 'src/**'.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only symbols of this kind: class, function.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only realms of this tenant.")] = None,
    by_file: Annotated[
        bool, typer.Option("--by-file", help="Each file once, by its best chunk.")
    ] = False,
    related: Annotated[
        bool, typer.Option("--related", help="With what a hit uses, and who reads its file.")
    ] = False,
    cursor: Annotated[
        str | None, typer.Option(help="The page behind the one that --json gave this for.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many hits.")] = 10,
    json: Json = False,
) -> None:
    """Find chunks by meaning and by words."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm) if realm else None
        page = await engine.search_page(
            text,
            realm=name,
            tenants=tenant,
            path=path,
            language=language,
            kind=kind or None,
            group="file" if by_file else None,
            related=related,
            limit=limit,
            cursor=cursor,
        )
        show.hits(text, page, as_json=json)

    with_engine(run)


@app.command("graph")
def graph_command(
    key: FileArgument,
    *,
    realm: RealmOption = None,
    json: Json = False,
) -> None:
    """What a file depends on, and what depends on it."""

    async def run(engine: Engine) -> None:
        name = await choose_realm_of(engine, key, realm)
        show.neighbours(name, await engine.neighbours(name, key), as_json=json)

    with_engine(run)


@app.command("explain")
def explain_command(
    key: FileArgument,
    *,
    realm: RealmOption = None,
    json: Json = False,
) -> None:
    """Why the last pass visited a file, or did not."""

    async def run(engine: Engine) -> None:
        name = await choose_realm_of(engine, key, realm)
        show.explanation(name, await engine.explain(name, key), as_json=json)

    with_engine(run)


@app.command("settings")
def settings_command(*, json: Json = False) -> None:
    """All settings, where each comes from in the environment, and its value."""
    show.settings(Settings.from_environment().table(), as_json=json)


@app.command("delete")
def delete_command(
    realm: RealmArgument,
) -> None:
    """Drop a realm from the index. Its files are not touched."""

    async def run(engine: Engine) -> None:
        name = await choose_realm(engine, realm)
        await engine.delete_realm(name)
        show.line(f"deleted {name}")

    with_engine(run)


reading.register(app)
jobs.register(app)
app.command("tune")(tune_command)
app.command("work")(work_command)
app.command("serve")(serve_command)
app.command("mcp")(mcp_command)
app.command("partition")(partition_command)
