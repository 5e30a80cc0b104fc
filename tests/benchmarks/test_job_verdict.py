"""The soak's own judge: sound histories pass, and each kind of harm is told."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from benchmarks.job_killer import Blow, Ending
from benchmarks.job_verdict import Evidence, Request, differences, judge, takeovers

ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)


def at(seconds: float) -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def attempt(job_id: int, token: UUID, begin: float, end: float, **other: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "realm_id": 7,
        "token": token,
        "number": 1,
        "max_attempts": 3,
        "outcome": "succeeded",
        "started_at": at(begin),
        "finished_at": at(end),
        **other,
    }


def swap(before: int, after: int, token: UUID | None) -> dict[str, Any]:
    return {"realm_id": 7, "before": before, "after": after, "token": token}


LOST = attempt(1, ONE, 0, 5, outcome="lost")
AGAIN = attempt(1, TWO, 5, 6, number=2)
NEXT = attempt(2, THREE, 6, 7)


def evidence(**other: Any) -> Evidence:
    """Two jobs of a realm: one that lost its worker once, and one that follows."""
    sound: dict[str, Any] = {
        "requests": [Request(1, at(0)), Request(2, at(4))],
        "states": Counter(succeeded=2),
        "attempts": [LOST, AGAIN, NEXT],
        "swaps": [swap(0, 1, TWO), swap(1, 2, THREE)],
        "generations": {7: 2},
        "left": {"working rows": 0},
    }
    return Evidence(**sound | other)


def test_a_history_in_which_each_claim_swaps_once_is_sound() -> None:
    assert judge(evidence()) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ({"requests": [Request(2, at(6.5))]}, "job 2: answers a request"),
        ({"requests": [Request(1, at(3)), Request(3, at(3))]}, "job 3: answers a request"),
        ({"states": Counter(succeeded=1, pending=1)}, "1 jobs pending"),
        ({"states": Counter(succeeded=1, failed=1)}, "1 jobs failed"),
        ({"left": {"working rows": 3}}, "3 working rows"),
        ({"generations": {7: 3}}, "generation 3 after 2 swaps"),
        ({"swaps": [swap(0, 2, TWO)]}, "generation 0 to 2 in one step"),
        ({"swaps": [swap(0, 1, ONE), swap(1, 2, THREE)]}, "by a claim that ended lost"),
        ({"swaps": [swap(0, 1, None), swap(1, 2, THREE)]}, "by a claim that ended None"),
        ({"swaps": [swap(0, 1, TWO), swap(1, 2, TWO)]}, "by a claim that swapped 2 times"),
        ({"attempts": [LOST, AGAIN | {"number": 4}, NEXT]}, "attempt 4 of 3"),
        ({"attempts": [LOST, AGAIN | {"started_at": at(4)}, NEXT]}, "of one realm ran at once"),
    ],
)
def test_each_harm_is_told(harm: dict[str, Any], told: str) -> None:
    assert told in "; ".join(judge(evidence(**harm)))


def test_claims_of_two_realms_may_run_at_once() -> None:
    others = [AGAIN, NEXT | {"realm_id": 8, "started_at": at(5)}]
    steps = [swap(0, 1, TWO), swap(0, 1, THREE) | {"realm_id": 8}]
    found = judge(evidence(attempts=others, swaps=steps, generations={7: 1, 8: 1}))
    assert found == []


def test_a_takeover_is_counted_from_a_blow_that_ended_its_claim() -> None:
    blows = [Blow(Ending.KILL, 1, ONE, at(2)), Blow(Ending.TERM, 2, THREE, at(6.5))]
    assert takeovers(blows, [LOST, AGAIN, NEXT]) == {
        Ending.KILL: [3.0],
        Ending.TERM: [],
    }


def test_rows_that_one_index_lacks_or_has_otherwise_are_differences() -> None:
    ours = {"a.py": {"size": 1}, "b.py": {"size": 1}, "c.py": {"size": 1}}
    fresh = {"a.py": {"size": 1}, "b.py": {"size": 2}, "d.py": {"size": 1}}
    assert differences(ours, fresh) == ["b.py", "c.py", "d.py"]
