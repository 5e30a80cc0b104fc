"""What contenders answer is read and reduced as the tables say."""

from pathlib import Path

import pytest

from benchmarks.peer_runs import Run, answered, middle
from benchmarks.peers import Runs, Tree, comment, rows_of


def run(seconds: float, *, cpu: float = 1.0, texts: int = 0) -> Run:
    return Run(seconds, cpu, 50.0, texts, rows=7)


@pytest.mark.parametrize("line", ["warming up\n", "\n", "[1]\n", '{"level": "info"}\n'])
def test_what_a_library_prints_is_no_answer(line: str) -> None:
    assert answered(line) is None


def test_an_answer_is_what_a_contender_says_of_a_turn() -> None:
    said = '{"seconds": 1.5, "cpu": 0.5, "texts": 3}\n'
    assert answered(said) == {"seconds": 1.5, "cpu": 0.5, "texts": 3}


def test_each_figure_has_a_median_of_its_own() -> None:
    runs = [run(1, cpu=9, texts=2), run(5, cpu=1, texts=2), run(3, cpu=4, texts=8)]
    assert middle(runs) == run(3, cpu=4, texts=2)


def test_rows_are_by_action_and_compared_with_the_floor_of_the_same_action() -> None:
    runs: Runs = {
        ("widthwise", "cold"): [run(3.0)],
        ("widthwise", "edit"): [run(0.4)],
        ("floor", "cold"): [run(2.0)],
        ("floor", "edit"): [run(0.1)],
    }
    assert [(row["action"], row["who"], row["ratio"]) for row in rows_of(runs)] == [
        ("cold", "widthwise", 1.5),
        ("cold", "floor", 1.0),
        ("edit", "widthwise", 4.0),
        ("edit", "floor", 1.0),
    ]


def test_without_the_floor_there_is_no_ratio() -> None:
    assert rows_of({("widthwise", "cold"): [run(3.0)]})[0]["ratio"] is None


def test_an_edit_adds_one_line_between_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("a\nb\nc\nd\n")
    comment(path, 1 / 2)
    before, added, after = path.read_text().partition("# A line that was not here before.\n")
    assert (before, bool(added), after) == ("a\nb\n", True, "c\nd\n")


def test_a_process_does_the_like_twice_but_for_the_first_pass(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text("x\n" * 8)
    tree = Tree(tmp_path, "a.py", ("b.py", "c.py"))
    left: list[tuple[str, int, int]] = []
    with tree.restored():
        for action, changes in tree.actions().items():
            for change in changes:
                change()
                lines = len((tmp_path / "a.py").read_text().splitlines())
                left.append((action, lines, len(list(tmp_path.iterdir()))))
    assert left == [
        ("cold", 8, 3),
        ("no-op", 8, 3),
        ("no-op", 8, 3),
        ("edit", 9, 3),
        ("edit", 10, 3),
        ("delete", 10, 2),
        ("delete", 10, 1),
    ]
    assert (tmp_path / "c.py").read_text() == "x\n" * 8
