"""Every benchmark publishes through one door, so that each can be kept with machine and commit."""

from pathlib import Path

import pytest

from benchmarks.__main__ import questions
from benchmarks.cards import Row as CardsRow
from benchmarks.cards import result as cards_result
from benchmarks.memory import Held, Measured, Sample
from benchmarks.memory import result as memory_result
from benchmarks.openapi import Row as OpenApiRow
from benchmarks.openapi import result as openapi_result
from benchmarks.results import keep, table


@pytest.mark.parametrize(
    "name", sorted(dict(questions()).keys() - {"resolver", "prerender_service"})
)
def test_a_benchmark_takes_the_options_of_all(name: str) -> None:
    source = (Path(__file__).parents[2] / "benchmarks" / f"{name}.py").read_text()
    assert "add_options(" in source
    assert "publish(" in source


def test_memory_adds_up_what_all_parts_hold() -> None:
    parts = Sample({"command": Held(1, 100.2, 10, 0), "Postgres": Held(5, 20, 1, 30)})
    measured = Measured(70.0, 10, 20, 5.0, parts, {"command": 120.0, "Postgres": 60.0})
    rows = {row["part"]: row for row in memory_result(measured).rows}
    assert rows["command"]["its_own_peak"] == 120
    assert rows["all together"]["processes"] == 6
    assert rows["all together"]["together"] == 161


def test_a_ratio_is_how_many_times_longer_the_script_takes() -> None:
    row = OpenApiRow("nothing", 0.5, 0, 0, 0, 0, 2.0, 10)
    assert openapi_result([row], notes=()).rows[0]["ratio"] == 4.0


def test_cards_are_drawn_and_tabled(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = cards_result([CardsRow("one card", 1, 0, 0, 1, 1, 0.1)], ["a note"])
    assert "one card" in table(result.rows)
    keep(result, tmp_path)
    assert (tmp_path / "cards.png").exists()
