"""Writes what a benchmark found: a table, JSON, Markdown and a picture. Measures nothing.

A benchmark adds its options with `add_options` and ends with `publish`. By default that prints
the table; `--json FILE` writes the figures there, `--keep` writes `benchmarks/results/NAME.json`,
`.md` and, where the result has panels, `.png`, each with the machine and the commit.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.machine import Machine, this_commit, this_machine

KEPT: Final = Path(__file__).parent / "results"

Cell = str | int | float | bool | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing: column `y` over column `x`, a line or a group of bars for each `series`.

    Rows without a figure in `y` are left out. `level` draws a dashed line at that height.
    """

    title: str
    rows: Sequence[Row]
    x: str
    y: str
    series: str = ""
    kind: Literal["lines", "bars"] = "lines"
    log_x: bool = False
    log_y: bool = False
    level: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`name` is the benchmark's module, `postgres` the version of another server than ours."""

    name: str
    question: str
    rows: Sequence[Row]
    panels: Sequence[Panel] = ()
    notes: Sequence[str] = ()
    postgres: str = ""
    machine: Machine | None = None
    commit: str = field(default_factory=this_commit)
    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    command: str = field(default_factory=lambda: " ".join(sys.argv[1:]))


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--keep", action="store_true", help="write benchmarks/results/NAME.{json,md,png}"
    )


def publish(result: Result, options: argparse.Namespace) -> None:
    print("\n".join((table(result.rows), *result.notes)), flush=True)
    if options.json:
        options.json.write_text(as_json(result))
    if options.keep:
        keep(result, KEPT)


def keep(result: Result, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{result.name}.json").write_text(as_json(result))
    (folder / f"{result.name}.md").write_text(as_markdown(result))
    if result.panels:
        from benchmarks.pictures import draw  # noqa: PLC0415 - matplotlib is an extra

        draw(result.question, result.panels, folder / f"{result.name}.png")


def as_json(result: Result) -> str:
    found: dict[str, Any] = {
        "benchmark": result.name,
        "question": result.question,
        "arguments": result.command,
        "taken_at": result.taken_at.isoformat(timespec="seconds"),
        "commit": result.commit,
        "machine": asdict(_machine(result)),
        "rows": [dict(row) for row in result.rows],
        "notes": list(result.notes),
    }
    return json.dumps(found, indent=2) + "\n"


def as_markdown(result: Result) -> str:
    heads, *lines = _cells(result.rows)
    rows = [heads, ["---"] * len(heads), *lines]
    picture = (f"![{result.question}]({result.name}.png)",) if result.panels else ()
    command = f"python -m benchmarks.{result.name} {result.command}".strip()
    return "\n\n".join(
        (
            f"# {result.question}",
            f"`{command}`, {result.taken_at:%Y-%m-%d}, commit {result.commit or 'unknown'},"
            f" {_machine(result)}.",
            "\n".join(f"| {' | '.join(row)} |" for row in rows),
            *result.notes,
            *picture,
        )
    ).rstrip() + "\n"  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Columns in the order of the first row; words to the left, figures to the right."""
    lines = _cells(rows)
    words = {name for row in rows for name, value in row.items() if isinstance(value, str)}
    columns = [_column(cells, left=cells[0] in words) for cells in zip(*lines, strict=True)]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _column(cells: Sequence[str], *, left: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in cells]


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    heads = list(dict.fromkeys(name for row in rows for name in row))
    return [heads, *([_shown(row.get(name)) for name in heads] for row in rows)]


def _shown(value: Cell) -> str:
    """Floats with three digits that count, and never as a power of ten."""
    if value is None:
        return "-"
    if not isinstance(value, float) or not math.isfinite(value):
        return str(value)
    before = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(0, 2 - before), 6)}f}"


def _machine(result: Result) -> Machine:
    return result.machine or this_machine(postgres=result.postgres)


def question(docstring: str | None) -> str:
    """The first line of a benchmark's file."""
    return (docstring or "").partition("\n")[0]


def figures(rows: Iterable[Any]) -> list[Row]:
    """The fields of flat dataclasses, as rows."""
    return [asdict(row) for row in rows]
