"""All benchmarks in one command: each is there, and one that fails does not end the others."""

from pathlib import Path

from benchmarks.__main__ import questions
from benchmarks.suite import STEPS, Step, listed, run_all


def test_each_step_is_a_benchmark() -> None:
    assert {step.name for step in STEPS} <= dict(questions()).keys()


def test_a_step_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    steps = (Step("no_such", (), 1), Step("results", ("{tree}",), 1))
    ended = list(run_all(tmp_path, steps, ["--keep"]))
    assert [(each.name, each.problem) for each in ended] == [
        ("no_such", "ended with 1"),
        ("results", ""),
    ]


def test_the_tree_stands_where_a_step_asks_for_it(tmp_path: Path) -> None:
    assert Step("clones", ("{tree}", "-v"), 1).command(tmp_path)[-2:] == [str(tmp_path), "-v"]


def test_the_list_says_how_long_each_takes() -> None:
    assert list(listed((Step("clones", ("{tree}",), 1.5),))) == [
        "clones            1.5 min  {tree}"
    ]
