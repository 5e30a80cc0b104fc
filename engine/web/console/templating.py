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
FOLDS = {"/": Markup("/<wbr>"), ".": Markup(".<wbr>")}


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("engine.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"ago": ago, "took": took, "part": part, "folded": folded, "marked": marked}
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


def took(seconds: float) -> str:
    """A length of time that people can compare: milliseconds below a second."""
    if seconds >= 1:
        return f"{seconds:,.2f} s"
    return f"{seconds * 1e3:.{0 if seconds >= 0.01 else 1}f} ms"


def folded(name: str) -> Markup:
    """A path that breaks, where it must, behind a slash, or a symbol behind a dot."""
    mark = "/" if "/" in name else "."
    return escape(name).replace(mark, FOLDS[mark])


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
