"""Faults at random moments, many of each kind: no job is lost, run twice to its end, or stuck."""

import sys
from pathlib import Path
from typing import Any

import pytest
from job_fault_runs import FAULTS, HEAD, run
from own_postgres import own_postgres


@pytest.mark.long
async def test_no_job_is_lost_or_swapped_twice_or_stuck_by_many_faults_of_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], record_testsuite_property: Any
) -> None:
    rows: list[str] = [HEAD]
    bad = 0
    for number, (name, fault) in enumerate(FAULTS.items()):
        home = tmp_path / str(number)
        home.mkdir()
        async with own_postgres(home / "own") as server:
            counts = await run(server, home / "tree", fault, times=15)
        rows.append(counts.row(name))
        bad += counts.lost + counts.double + counts.stuck
    table = "\n".join(rows)
    record_testsuite_property("faults", table)
    with capsys.disabled():
        sys.stdout.write(f"\n{table}\n")
    assert bad == 0, table
