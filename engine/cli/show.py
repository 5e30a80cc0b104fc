"""Values of the engine as text for people, or as JSON for programs. Prints, asks nothing."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.text import Text

from engine import telling
from engine.engine import Neighbours
from engine.explain import Explanation
from engine.index.search import SearchPage
from engine.index.snippets import Snippet
from engine.report import PassReport
from engine.status import RealmStatus
from engine.telling import counted

SHOWN_ERRORS = 5
SNIPPET_COLUMNS = 110
SHOWN_NEIGHBOURS = 20

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text that came from files or names, with nothing in it that a terminal would obey."""
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], text)


def line(text: str) -> None:
    print_text(Text(plain(text)))


def report(done: PassReport, errors: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json(done.as_json())
        return
    line(_headline(done))
    line(
        f"  {counted(done.files, 'file')}, {counted(done.chunks, 'chunk')}, "
        f"{counted(done.errors, 'error')}, {done.skipped:,} skipped; "
        f"generation {done.generation}"
    )
    if done.visited or done.reused:
        reused = f", reused {done.reused:,}" if done.reused else ""
        line(
            f"  visited {done.visited:,}{reused}, cut off {done.cut_off:,}, "
            f"deleted {done.deleted:,}; embedded {counted(done.texts_embedded, 'text')}"
        )
        line(
            f"  {counted(done.topo_depth, 'layer')}, width {done.max_layer_width:,}, "
            f"{counted(done.concurrency, 'visit')} at once"
        )
    for key, reason in errors:
        line(f"  error: {key}: {reason}")
    if done.errors > len(errors):
        line(f"  and {counted(done.errors - len(errors), 'more error')}")


def _headline(done: PassReport) -> str:
    if done.visited or done.reused or done.deleted:
        rate = f", {done.visited / done.seconds:,.0f} files/s" if done.visited >= 100 else ""
        return f"indexed {done.realm} in {done.seconds:.2f} s{rate}"
    return f"nothing to visit in {done.realm}: up to date ({done.seconds:.2f} s)"


def hits(text: str, page: SearchPage, *, as_json: bool) -> None:
    if as_json:
        found = [hit.as_json() for hit in page.hits]
        print_json({"query": text, "hits": found, "cursor": page.cursor})
        return
    if not page.hits:
        line("nothing found; `widthwise status` says what is indexed")
    for number, hit in enumerate(page.hits, 1):
        place = plain(telling.place(hit.path, hit.start_line, hit.end_line))
        title = Text.assemble((f"{number:>2}. ", "dim"), (place, "bold"))
        if hit.symbol:
            title.append(f"  {plain(hit.symbol)}", "cyan")
        title.append(f"  {hit.score:.4f}", "dim")
        print_text(title)
        for row in snippet_rows(hit.snippet):
            print_text(Text.assemble("      ", row))
        if hit.related:
            for said in telling.related_lines(hit.related):
                line(f"    {said}")


def snippet_rows(snippet: Snippet) -> list[Text]:
    """Its lines that say something, cut to a width, the words that were asked for marked."""
    full = [row for row in snippet.lines if row.strip()]
    indent = min((len(row) - len(row.lstrip()) for row in full), default=0)
    rows = []
    for at, row in enumerate(snippet.lines):
        if row.strip():
            places = [(each.start, each.end) for each in snippet.matches if each.line == at]
            rows.append(_marked(row, places, indent))
    return rows


def _marked(row: str, places: Sequence[tuple[int, int]], indent: int) -> Text:
    """A piece is made plain by itself, since that moves what is behind it."""
    cuts = [indent, *(cut for place in places for cut in place), len(row)]
    text = Text()
    for number, (start, end) in enumerate(pairwise(cuts)):
        text.append(plain(row[start:end].expandtabs(4)), "bold" if number % 2 else "dim")
    text.truncate(SNIPPET_COLUMNS)
    return text


def statuses(found: Sequence[RealmStatus], *, as_json: bool) -> None:
    if as_json:
        print_json({"realms": [_status_json(each) for each in found]})
        return
    for row in status_rows(found):
        print_text(row)


def status_rows(found: Sequence[RealmStatus]) -> list[Text]:
    """What is told of realms, line by line."""
    rows = [row for each in found for row in _status_rows(each)]
    return rows or [Text("nothing is indexed yet: `widthwise index FOLDER`")]


def _status_rows(status: RealmStatus) -> Iterator[Text]:
    yield Text(plain(status.realm.name), "bold")
    for said in telling.status_lines(status):
        yield Text(plain(said))


def _status_json(status: RealmStatus) -> dict[str, Any]:
    realm, totals, last = status.realm, status.totals, status.last_pass
    return {
        "realm": realm.name,
        "source": realm.source,
        "generation": realm.generation,
        "revision": realm.revision,
        "indexed_at": realm.indexed_at.isoformat() if realm.indexed_at else None,
        "files": totals.files,
        "chunks": totals.chunks,
        "errors": totals.errors,
        "skipped": totals.skipped,
        "status": str(status.condition),
        "label": status.label,
        "paused": realm.paused,
        "error": status.error,
        "job": status.job.as_json() if status.job else None,
        "last_pass": None
        if last is None
        else {
            "started_at": last.started_at.isoformat(),
            "finished_at": last.finished_at.isoformat() if last.finished_at else None,
            "error": last.error,
            "report": last.report,
        },
    }


def neighbours(realm: str, found: Neighbours, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "realm": realm,
                "key": found.key,
                "dependencies": list(found.dependencies),
                "dependents": list(found.dependents),
            }
        )
        return
    told(telling.neighbours_lines(found, limit=SHOWN_NEIGHBOURS, more="--json lists all"))


def explanation(realm: str, found: Explanation, *, as_json: bool) -> None:
    if as_json:
        steps = [asdict(step) for step in found.steps]
        print_json({"realm": realm, "key": found.key, "visited": found.visited, "steps": steps})
        return
    for said in telling.explanation_lines(found):
        line(said)


def settings(rows: Sequence[tuple[str, str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json({name: {"variable": variable, "value": value} for name, variable, value in rows})
        return
    for name, variable, value in rows:
        line(f"{name:<24}{variable:<34}{value}")


def told(said: Iterable[str]) -> None:
    """Lines of plain text, the first as a title."""
    for number, each in enumerate(said):
        print_text(Text(plain(each.expandtabs(4)), "" if number else "bold"))


def print_text(text: Text) -> None:
    """Colours only on a terminal, lines never broken: output is for `grep` as well."""
    Console(file=sys.stdout, highlight=False, soft_wrap=True).print(text)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
