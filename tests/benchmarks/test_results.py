"""What a benchmark found is written so that it can be read, compared and looked at later."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.__main__ import questions
from benchmarks.results import Panel, Result, Row, as_json, as_markdown, keep, table

ROWS: list[Row] = [
    {"graph": "chain", "cap": 1, "seconds": 0.123456, "stuck": None},
    {"graph": "star", "cap": 2, "seconds": 1234.56, "stuck": 3},
]
RESULT = Result(
    name="trial",
    question="Does it hold?",
    rows=ROWS,
    notes=("It does.",),
    commit="abc",
    command="--caps 1 2",
    taken_at=datetime(2030, 1, 2, tzinfo=UTC),
)


def test_a_table_keeps_three_digits_and_marks_what_is_missing() -> None:
    assert table(ROWS).splitlines() == [
        "graph  cap  seconds  stuck",
        "chain    1    0.123      -",
        "star     2     1235      3",
    ]


def test_figures_are_written_in_full_with_machine_and_commit() -> None:
    written = json.loads(as_json(RESULT))
    assert written["rows"] == ROWS
    assert written["commit"] == "abc"
    assert written["machine"]["cores"] >= 1
    assert all(written["machine"][name] for name in ("kernel", "python", "postgres", "memory_gib"))


def test_markdown_says_how_to_measure_again() -> None:
    text = as_markdown(RESULT)
    assert "`python -m benchmarks.trial --caps 1 2`, 2030-01-02, commit abc" in text
    assert "| chain | 1 | 0.123 | - |" in text
    assert text.endswith("It does.\n")


def test_a_result_with_panels_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    panels = [
        Panel(title="time", rows=ROWS, x="cap", y="seconds", series="graph", log_x=True),
        Panel(title="stuck", rows=ROWS, x="graph", y="stuck", kind="bars"),
    ]
    keep(Result(name="trial", question="Does it hold?", rows=ROWS, panels=panels), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"trial.json", "trial.md", "trial.png"}
    assert (tmp_path / "trial.png").read_bytes().startswith(b"\x89PNG")


def test_each_benchmark_asks_one_question() -> None:
    found = dict(questions())
    assert {"jobs", "resolver", "soak"} <= found.keys()
    assert [name for name, question in found.items() if not question.endswith("?")] == []


def test_a_benchmark_that_is_not_there_is_told() -> None:
    command = [sys.executable, "-m", "benchmarks", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no benchmark has this name" in done.stderr
