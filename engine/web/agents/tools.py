"""The tools: from an agent's arguments to lines of text, by way of what its sender may see."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from engine import telling
from engine.job import Job
from engine.web import realms
from engine.web.agents import arguments
from engine.web.agents.desk import Desk
from engine.web.requests import (
    Git,
    LocalFolder,
    NewRealm,
    OpenApi,
    SearchQuery,
    checked,
)
from engine.web.search import searched, warning_of

# An answer ends here, with a line that says so: agents pay for what they read.
MAX_ANSWER_CHARS = 48_000
SHOWN_REALMS = 50
SHOWN_ERRORS = 10

Said = AsyncIterator[str]


@dataclass(frozen=True, slots=True)
class Tool:
    """`description` is all that an agent knows of it, beside the schema of its arguments."""

    name: str
    title: str
    description: str
    arguments: type[msgspec.Struct]
    run: Callable[[Desk, Any], Said]
    writes: bool = False

    async def answer(self, desk: Desk, given: dict[str, Any]) -> str:
        """The answer, cut where it gets too long for anybody to read."""
        lines, left = [], MAX_ANSWER_CHARS
        async for line in self.run(desk, checked(given, self.arguments)):
            left -= len(line) + 1
            if left < 0:
                lines.append("(cut here: narrow the question, or ask for fewer at once)")
                break
            lines.append(line)
        return "\n".join(lines)


async def search(desk: Desk, wanted: arguments.Search) -> Said:
    asked = SearchQuery(
        q=wanted.query,
        realm=[(await desk.realm(wanted.realm)).name] if wanted.realm else [],
        path=wanted.path,
        language=wanted.language,
        kind=wanted.kind,
        group="file" if wanted.by_file else None,
        related=wanted.related,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    page = await searched(desk.searches, desk.seen, asked)
    if warning := warning_of(desk.seen):
        yield f"note: {warning}"
    if not page.hits:
        yield "nothing found: try other words, or fewer filters; `status` says what is indexed"
    several = len({hit.realm for hit in page.hits}) > 1
    shown = ""
    for hit in page.hits:
        if hit.realm != shown and (several or not shown):
            yield f"in realm {hit.realm!r}:"
            shown = hit.realm
        for line in telling.hit_lines(hit):
            yield line
        if wanted.by_file and hit.others:
            yield f"  and {hit.others} more hits in this file"
    if page.cursor:
        yield f"more with cursor={page.cursor!r}"


async def read_lines(desk: Desk, wanted: arguments.ReadLines) -> Said:
    realm, key = await desk.file(wanted.path, wanted.realm)
    found = await desk.seen.engine.lines(realm, key, start=wanted.start_line, end=wanted.end_line)
    for line in telling.lines_lines(found):
        yield line
    if found.next_line:
        yield f"more with start_line={found.next_line}"


async def outline(desk: Desk, wanted: arguments.Outline) -> Said:
    realm, key = await desk.file(wanted.path, wanted.realm)
    found = await desk.seen.engine.outline(realm, key, skip=wanted.skip, limit=wanted.limit)
    for line in telling.outline_lines(found):
        yield line
    if found.next_skip:
        yield f"{found.part_count - found.next_skip} more with skip={found.next_skip}"


async def dependencies(desk: Desk, wanted: arguments.Near) -> Said:
    realm, key = await desk.file(wanted.path, wanted.realm)
    found = await desk.seen.engine.neighbours(realm, key)
    for line in telling.neighbours_lines(found, limit=wanted.limit, more="with a greater limit"):
        yield line


async def impact(desk: Desk, wanted: arguments.Near) -> Said:
    realm, key = await desk.file(wanted.path, wanted.realm)
    found = await desk.seen.engine.impact(realm, key, limit=wanted.limit)
    for line in telling.impact_lines(found, more="with a greater limit"):
        yield line


async def status(desk: Desk, wanted: arguments.Status) -> Said:
    if wanted.realm is not None:
        row = await desk.realm(wanted.realm)
        found = [await desk.seen.engine.status_of(row)]
    else:
        found = await desk.seen.realms(after=wanted.after, limit=SHOWN_REALMS)
    if not found:
        yield "no realm is indexed"
    for each in found:
        yield each.realm.name
        for line in telling.status_lines(each):
            yield line
    if wanted.realm is not None:
        for key, reason in await desk.seen.engine.errors(wanted.realm, limit=SHOWN_ERRORS):
            yield f"  error: {key}: {reason}"
    elif len(found) == SHOWN_REALMS:
        yield f"more with after={found[-1].realm.name!r}"


async def index(desk: Desk, wanted: arguments.Index) -> Said:
    row = await desk.realm(wanted.realm)
    yield _asked_for(await desk.seen.engine.index(row.name))


async def add_realm(desk: Desk, wanted: arguments.AddRealm) -> Said:
    source: Git | OpenApi | LocalFolder
    match wanted.kind:
        case "git":
            source = Git(url=wanted.location, branch=wanted.branch)
        case "openapi":
            # Checked as it would be over HTTP: what is built here was not decoded.
            source = checked({"urls": [wanted.location]}, OpenApi)
        case "folder":
            source = LocalFolder(path=wanted.location)
    new = NewRealm(name=wanted.realm, source=source)
    is_new, job = await realms.add(desk.host, desk.seen, new)
    yield f"{wanted.realm} {'is added' if is_new else 'was there already'}"
    if job:
        yield _asked_for(job)


def _asked_for(job: Job) -> str:
    joined = ", which had been asked for already" if job.joined else ""
    return f"job {job.id}{joined}: `status` with realm={job.realm!r} tells how far it is"


TOOLS = (
    Tool(
        "search",
        "Search code and documents",
        "Find where something is done, defined or described, by meaning and by words. Returns "
        "places as path:first-last with the symbol that holds them and the lines that answer "
        "best. Start here; then `read_lines` around a place, or `outline` its file.",
        arguments.Search,
        search,
    ),
    Tool(
        "read_lines",
        "Read lines of a file",
        "The lines of a file with their numbers, as they were when its realm was last indexed; "
        "200 of them unless `end_line` says otherwise. The last line says how to go on.",
        arguments.ReadLines,
        read_lines,
    ),
    Tool(
        "outline",
        "Outline of a file",
        "What a file declares (classes, functions, methods, constants; the sections of prose, "
        "the keys of data), each with its lines and its signature. Cheaper than reading the "
        "file: take it first for a long one.",
        arguments.Outline,
        outline,
    ),
    Tool(
        "dependencies",
        "What a file uses, and who uses it",
        "The files that a file imports or refers to, and the files that read it. One step in "
        "each direction; `impact` goes on.",
        arguments.Near,
        dependencies,
    ),
    Tool(
        "impact",
        "What a change would concern",
        "All files that a change of what this file defines would concern, directly and through "
        "others, the nearest first. Ask before you change a signature.",
        arguments.Near,
        impact,
    ),
    Tool(
        "status",
        "What is indexed",
        "The realms (bodies of files that are indexed as a unit) with their names, how many "
        "files they have, how old the index is, what goes on, and for one realm which files "
        "could not be indexed.",
        arguments.Status,
        status,
    ),
    Tool(
        "index",
        "Index a realm again",
        "Ask for a pass over a realm, which looks at what has changed since the last one. "
        "Returns at once with the number of the job.",
        arguments.Index,
        index,
        writes=True,
    ),
    Tool(
        "add_realm",
        "Add a realm",
        "Add a repository, an OpenAPI document or a folder as a realm, and index it. Returns at "
        "once with the number of the job.",
        arguments.AddRealm,
        add_realm,
        writes=True,
    ),
)


def tools_for(desk: Desk) -> list[Tool]:
    """Those that the caller may use."""
    return [tool for tool in TOOLS if desk.may_write or not tool.writes]
