"""Templates, and how values look in them. Knows no page."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from engine.index.snippets import Match, Snippet

MARK = Markup("<mark>%s</mark>")


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("engine.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"ago": ago, "part": part, "marked": marked}
    return made


def render(template: str, values: dict[str, Any]) -> str:
    return environment().get_template(template).render(values)


def part(text: str) -> str:
    """As one segment of a path, or one value of a query."""
    return quote(text, safe="")


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, or in how long, in the largest unit that fits."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    span = abs(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if span >= size:
            words = f"{span // size:.0f} {unit}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def marked(found: Snippet) -> Markup:
    """The lines of a snippet with the words that were asked for marked."""
    places: dict[int, list[Match]] = {}
    for match in found.matches:
        places.setdefault(match.line, []).append(match)
    return Markup("\n").join(
        _marked(line, places.get(at, ())) for at, line in enumerate(found.lines)
    )


def _marked(line: str, matches: Iterable[Match]) -> Markup:
    at, parts = 0, []
    for match in matches:
        parts += [escape(line[at : match.start]), MARK % line[match.start : match.end]]
        at = match.end
    return Markup().join([*parts, escape(line[at:])])
