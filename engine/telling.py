"""Values of the engine as lines of plain text, for people and for agents. Decides nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from engine.engine import Impact, Neighbours
from engine.explain import Explanation
from engine.index.hit import Hit, Related
from engine.index.lines import Lines
from engine.index.outline import Outline
from engine.parts import Part
from engine.status import Condition, RealmStatus


def counted(number: int, noun: str) -> str:
    """`1 file`, `2,818 files`: a number with its noun, whose plural has an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place(path: str, start_line: int, end_line: int) -> str:
    """Where something stands: `django/db/utils.py:12-40`."""
    return f"{path}:{start_line}-{end_line}"


def numbered(lines: Sequence[str], start_line: int) -> Iterator[str]:
    """The lines behind their numbers."""
    width = len(str(start_line + len(lines)))
    for number, text in enumerate(lines, start_line):
        yield f"{number:>{width}}  {text}".rstrip()


def hit_lines(hit: Hit) -> Iterator[str]:
    """A hit's place and name, and the lines of it that answer best."""
    name = f"  {hit.symbol} ({hit.kind})" if hit.symbol else ""
    yield place(hit.path, hit.start_line, hit.end_line) + name
    for line in numbered(hit.snippet.lines, hit.snippet.start_line):
        yield f"  {line}"
    if hit.related:
        yield from related_lines(hit.related)


def related_lines(related: Related) -> Iterator[str]:
    for each in related.definitions:
        stands = place(each.path, each.start_line, each.end_line)
        yield f"  uses {stands}  {each.symbol}".rstrip()
    for dependent in related.dependents:
        yield f"  read by {dependent}"


def lines_lines(found: Lines) -> Iterator[str]:
    """Which lines of how many, the lines with their numbers, what has to be known of them."""
    if found.lines:
        shown = place(found.path, found.start_line, found.end_line)
    else:
        shown = f"{found.path}: nothing from line {found.start_line} on,"
    yield f"{shown} of {counted(found.line_count, 'line')}; {origin(found)}"
    yield from numbered(found.lines, found.start_line)
    yield from (f"note: {note}" for note in found.notes)


def outline_lines(found: Outline) -> Iterator[str]:
    """The parts, one a line: where it stands, and its signature or its kind."""
    yield f"{found.path}: {counted(found.part_count, 'part')} in {found.language}; {origin(found)}"
    for part in found.parts:
        yield f"{f'{part.start_line}-{part.end_line}':>11}  {part_line(part)}"
    yield from (f"note: {note}" for note in found.notes)


def part_line(part: Part) -> str:
    """`class Shop`, `Shop.sell  def sell(self, order)`, `table build-system`."""
    if part.signature in ("", part.symbol):
        return f"{part.kind} {part.symbol}"
    return f"{part.symbol}  {part.signature}" if "." in part.symbol else part.signature


def origin(found: Lines | Outline) -> str:
    at = f" at {found.commit[:12]}" if found.commit else ""
    return f"{found.realm}, generation {found.generation}{at}"


def neighbours_lines(found: Neighbours, *, limit: int, more: str) -> Iterator[str]:
    """What the file depends on and who reads it; `more` says how to see what is left out."""
    yield found.key
    yield from _listed("depends on", found.dependencies, limit, more)
    yield from _listed("read by", found.dependents, limit, more)


def _listed(title: str, keys: Sequence[str], limit: int, more: str) -> Iterator[str]:
    yield f"  {title} {len(keys)}"
    yield from (f"    {key}" for key in keys[:limit])
    if len(keys) > limit:
        yield f"    and {len(keys) - limit} more ({more})"


def impact_lines(found: Impact, *, more: str) -> Iterator[str]:
    """The files that a change concerns, nearest first; `more` says how to see the others."""
    files = counted(len(found.keys), "file")
    count = files if found.is_whole else f"more than {files}"
    yield f"{found.key}: a change of what it defines concerns {count}, the nearest first"
    yield from (f"  {key}" for key in found.keys)
    if not found.is_whole:
        yield f"  and more ({more})"


def explanation_lines(found: Explanation) -> Iterator[str]:
    if not found.steps:
        yield f"{found.key} was not visited: neither it nor anything it read changed"
    for step in found.steps:
        did = "was visited" if step.visited else "was not visited"
        yield f"{step.key} {did}: {step.why}"


def status_lines(status: RealmStatus) -> Iterator[str]:
    """What a realm is about, in lines below its name."""
    yield f"  {label(status)}"
    if status.error:
        yield f"  {status.error}"
    totals = status.totals
    yield (
        f"  {counted(totals.files, 'file')}, {counted(totals.chunks, 'chunk')}, "
        f"{counted(totals.errors, 'error')}, {totals.skipped:,} skipped; "
        f"generation {status.realm.generation}"
    )


def label(status: RealmStatus) -> str:
    """`indexed 12/12, 3 min ago at 1a2b3c4d`, or what goes on and how old the index is."""
    parts = [status.label]
    if status.realm.paused:
        parts.append("paused")
    if indexed := status.realm.indexed_at:
        revision = f" at {status.realm.revision[:12]}" if status.realm.revision else ""
        when = f"{ago(datetime.now(UTC), indexed)} ago{revision}"
        parts.append(when if status.condition is Condition.INDEXED else f"index from {when}")
    return ", ".join(parts)


def ago(now: datetime, then: datetime) -> str:
    """The time between two moments in its largest unit."""
    seconds = max((now - then).total_seconds(), 0.0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
