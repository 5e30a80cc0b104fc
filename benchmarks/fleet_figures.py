"""What is noted while the fleet is simulated, and the figures that come of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.fleet_line import Job, JobLine
from benchmarks.fleet_pass import Edit, Pass, Realm

# What falls into one such stretch counts as happening at once.
INSTANT_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Live:
    """An edit that a generation has, so many seconds after it was made."""

    tenant: str
    at: float
    seconds: float
    is_told: bool


@dataclass(slots=True, eq=False)
class Notes:
    """Counters are by instant."""

    edits: list[Live] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)
    looks: Counter[int] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    due: Counter[int] = field(default_factory=Counter)
    passes: int = 0
    vain_passes: int = 0
    vain_seconds: float = 0.0
    refused_calls: int = 0
    wasted_calls: int = 0

    def look(self, now: float) -> None:
        self.looks[_instant(now)] += 1

    def called(self, now: float, error: Exception | None) -> None:
        self.calls[_instant(now)] += 1
        self.refused_calls += error is not None

    def wasted(self, calls: int) -> None:
        self.wasted_calls += calls

    def begun(self, job: Job, now: float) -> None:
        if job.claims == 1:
            self.waits.append(now - job.asked_at)

    def put_off(self, job: Job) -> None:
        self.due[_instant(job.due)] += 1

    def ended(self, done: Pass, now: float, *, in_vain: bool) -> None:
        self.passes += 1
        if in_vain:
            self.vain_passes += 1
            self.vain_seconds += now - done.began_at

    def live(self, realm: Realm, edits: Iterable[Edit], now: float) -> None:
        self.edits.extend(Live(realm.tenant, e.at, now - e.at, e.is_told) for e in edits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One simulated day. `live_` are seconds from an edit that is told of to the generation that
    has it, `found_` of others; `wait_` is from a request to its first claim; `vain_` is what
    came to nothing; `at_once_` is the most within a tenth of a second; `fairness` is Jain's
    index of the tenants' medians; `behind` counts the edits that no generation has."""

    day: str
    rules: str
    edits: int
    live_p50: float | None
    live_p95: float | None
    live_p99: float | None
    live_most: float | None
    found_p95: float | None
    fairness: float | None
    wait_ms_p95: float | None
    vain_passes: int
    vain_hours: float
    refused_calls: int
    wasted_calls: int
    looks_per_pass: float
    at_once_looks: int
    at_once_due: int
    at_once_calls: int
    failed_jobs: int
    behind: int
    cpu_seconds: float


def figures_of(
    day: str, rules: str, notes: Notes, line: JobLine, *, behind: int, cpu_seconds: float
) -> Figures:
    told = [each for each in notes.edits if each.is_told]
    p50, p95, p99, most = percentiles([each.seconds for each in told], (50, 95, 99, 100))
    found = percentiles([each.seconds for each in notes.edits if not each.is_told], (95,))
    return Figures(
        day=day,
        rules=rules,
        edits=len(notes.edits),
        live_p50=p50,
        live_p95=p95,
        live_p99=p99,
        live_most=most,
        found_p95=found[0],
        fairness=fairness(told),
        wait_ms_p95=percentiles([1_000 * seconds for seconds in notes.waits], (95,))[0],
        vain_passes=notes.vain_passes,
        vain_hours=notes.vain_seconds / 3_600,
        refused_calls=notes.refused_calls,
        wasted_calls=notes.wasted_calls,
        looks_per_pass=notes.looks.total() / max(1, notes.passes),
        at_once_looks=max(notes.looks.values(), default=0),
        at_once_due=max(notes.due.values(), default=0),
        at_once_calls=max(notes.calls.values(), default=0),
        failed_jobs=line.ended["failed"] + line.ended["lost"],
        behind=behind,
        cpu_seconds=cpu_seconds,
    )


def percentiles(values: Sequence[float], ranks: Sequence[int]) -> list[float | None]:
    if not values:
        return [None for _ in ranks]
    return [float(each) for each in np.percentile(values, ranks)]


def fairness(edits: Sequence[Live]) -> float | None:
    """1 if the tenants wait alike, one by their number if only one of them waits."""
    of_tenant: defaultdict[str, list[float]] = defaultdict(list)
    for each in edits:
        of_tenant[each.tenant].append(each.seconds)
    medians = np.array([np.median(each) for each in of_tenant.values()])
    if not len(medians):
        return None
    return float(medians.sum() ** 2 / (len(medians) * (medians**2).sum()))


def _instant(time: float) -> int:
    return int(time / INSTANT_SECONDS)
