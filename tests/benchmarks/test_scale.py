"""The trees that growth is measured on, and how a growth is told."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.scale import Row, growths
from benchmarks.scale_trees import generate


def test_a_tree_has_few_modules_that_many_read_and_cycles(tmp_path: Path) -> None:
    generate(tmp_path, 1_000)
    reads = {path.stem: _reads(path) for path in tmp_path.rglob("*.py")}
    read_by = Counter(each for names in reads.values() for each in names)
    ranked = [count for _, count in read_by.most_common()]
    assert (len(reads), reads["m501"] & {"m500"}, reads["m500"] & {"m501"}) == (
        1_000, {"m500"}, {"m501"},
    )  # fmt: skip
    assert set(read_by) <= set(reads)
    assert sum(ranked[:100]) > sum(ranked[100:]) / 2


def _reads(path: Path) -> set[str]:
    imports = [
        each for each in ast.parse(path.read_text()).body if isinstance(each, ast.ImportFrom)
    ]
    return {str(each.module).rpartition(".")[2] for each in imports}


@pytest.mark.parametrize(("after", "exponent"), [(5.0, 0.0), (50.0, 1.0), (500.0, 2.0)])
def test_a_growth_is_the_power_of_the_files(after: float, exponent: float) -> None:
    (growth,) = growths([_row(100, 5.0), _row(1_000, after)])
    assert (growth.files, growth.exponents["seconds"]) == ("100 to 1,000", exponent)
    assert growth.exponents["postgres_mib"] == 0.0


def _row(files: int, seconds: float) -> Row:
    return Row(
        files=files, change="everything", visited=files, chunks=files, seconds=seconds,
        files_per_second=files / seconds, cpu_seconds=seconds, command_mib=1, workers_mib=1,
        ours_mib=2, postgres_mib=0, all_mib=2, database_mb=1,
    )  # fmt: skip
