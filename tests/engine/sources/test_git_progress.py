"""How far a transfer is, from lines as git writes them and as nobody would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources.git_progress import TransferCounts

STAGES = ["remote: Counting objects", "remote: Compressing objects", "Receiving objects",
          "Resolving deltas"]  # fmt: skip
LINES = st.builds(
    lambda stage, done, total, end: f"{stage}:  42% ({done}/{total}){end}",
    st.sampled_from([*STAGES, "Receiving object", "remote: Receiving objects", ""]),
    st.integers(-1, 10**14),
    st.integers(-1, 10**14),
    st.sampled_from(["", ", done.", ", 1.20 MiB | 3.00 MiB/s"]),
)


def test_the_stages_of_a_clone_are_one_count() -> None:
    counts = TransferCounts()
    said = [
        "remote: Enumerating objects: 30, done.",
        "remote: Counting objects: 100% (30/30), done.",
        "Receiving objects:  50% (15/30), 1.00 MiB | 900.00 KiB/s",
        "Receiving objects:  50% (15/30), 1.00 MiB | 910.00 KiB/s",
        "Receiving objects: 100% (30/30), 2.00 MiB | 900.00 KiB/s, done.",
        "Resolving deltas:  25% (1/4)",
    ]
    assert [counts.hear(line) for line in said] == [
        None, (30, 30), (45, 60), None, (60, 60), (61, 64),
    ]  # fmt: skip


def test_a_command_that_begins_anew_goes_on_from_there() -> None:
    counts = TransferCounts()
    assert counts.hear("Receiving objects:  50% (15/30)") == (15, 30)
    counts.begin()
    assert counts.hear("Receiving objects:  10% (3/30)") == (18, 60)


@pytest.mark.parametrize(
    "line",
    [
        "remote: Receiving objects:  50% (1/2)",
        " Receiving objects:  50% (1/2)",
        "Receiving objects:  50% (1/2",
        "Receiving objects: 5000% (1/2)",
        "Receiving objects:  50% (-1/2)",
        "Receiving objects:  50% (1/9999999999999)",
        "fatal: Receiving objects:  50% (1/2)",
    ],
)
def test_what_a_server_says_in_the_name_of_git_counts_for_nothing(line: str) -> None:
    assert TransferCounts().hear(line) is None


@given(st.lists(st.one_of(LINES, st.text(max_size=40), st.just(None)), max_size=30))
def test_whatever_is_said_the_counts_only_rise_and_fit_where_they_are_stored(
    lines: list[str | None],
) -> None:
    counts, before, begun = TransferCounts(), (0, 0), 0
    for line in lines:
        if line is None and begun < 3:
            counts.begin()
            begun += 1
        elif line is not None and (now := counts.hear(line)):
            assert before[0] <= now[0] <= now[1] < 2**31
            assert before[1] <= now[1]
            assert now != before
            before = now
