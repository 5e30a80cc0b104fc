"""What contenders answer is read and reduced as the tables say."""

from pathlib import Path

from benchmarks.peer_runs import Run, middle, parse
from benchmarks.peers import Runs, comment_in_the_middle, rows_of


def run(seconds: float, *, cpu: float = 1.0, texts: int = 0) -> Run:
    return Run(seconds, cpu, 50.0, texts, rows=7)


def test_an_answer_is_the_last_line_whatever_a_library_printed_before() -> None:
    said = 'warming up\n{"seconds": 9}\n{"seconds": 1.5, "cpu": 0.5, "texts": 3}\n\n'
    assert parse(said, 42.0) == Run(1.5, 0.5, 42.0, 3)


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
    comment_in_the_middle(path)
    before, added, after = path.read_text().partition("# A line that was not here before.\n")
    assert (before, bool(added), after) == ("a\nb\n", True, "c\nd\n")
