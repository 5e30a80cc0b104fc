"""Templates, and how values look in them. Knows no page."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from engine.index.search import Hit
from engine.words import identifiers

SNIPPET_LINES = 12


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("engine.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"ago": ago, "part": part, "snippet": snippet}
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


def snippet(hit: Hit, question: str) -> Markup:
    """The lines of a hit around the first word that was asked for, with all of them marked."""
    lines = hit.text.expandtabs(4).splitlines()
    words = {word.lower() for word in identifiers(question) if len(word) > 1}
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    pattern = re.compile("|".join(longest_first), re.IGNORECASE)
    first = next((at for at, line in enumerate(lines) if words and pattern.search(line)), 0)
    start = max(0, min(first - 2, len(lines) - SNIPPET_LINES))
    shown = lines[start : start + SNIPPET_LINES]
    return Markup("\n").join(_marked(line, pattern if words else None) for line in shown)


def _marked(line: str, pattern: re.Pattern[str] | None) -> Markup:
    if pattern is None:
        return escape(line)
    at, parts = 0, []
    for found in pattern.finditer(line):
        parts += [escape(line[at : found.start()]), Markup("<mark>%s</mark>") % found.group()]
        at = found.end()
    return Markup("").join([*parts, escape(line[at:])])
