"""What is noted while the fleet is simulated, and the figures that come of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.fleet_line import Job, JobLine
from engine.jobs.state import Settlement

# Calls and claims are counted together that fall into one such stretch.
INSTANT_SECONDS: Final = 0.1


@dataclass(slots=True, eq=False)
class Notes:
    """`stale` has for each edit that is live who made it, when, and after how long it was."""

    stale: list[tuple[str, float, float]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    looks: Counter[int] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    due: Counter[int] = field(default_factory=Counter)
    begun: Counter[int] = field(default_factory=Counter)
    refused_calls: int = 0
    wasted_calls: int = 0
    passes: int = 0
    vain_passes: int = 0
    busy_seconds: float = 0.0
    vain_seconds: float = 0.0
    takeover_seconds: list[float] = field(default_factory=list)

    def look(self, now: float, statements: int) -> None:
        """So many processes ask for work at this moment."""
        self.looks[_instant(now)] += statements

    def call(self, now: float, error: Exception | None) -> None:
        self.calls[_instant(now)] += 1
        self.refused_calls += error is not None

    def put_off(self, job: Job, decided: Settlement) -> None:
        if decided.delay_seconds:
            self.due[_instant(job.due)] += 1

    def ended(self, seconds: float, *, in_vain: bool) -> None:
        self.passes += 1
        self.busy_seconds += seconds
        if in_vain:
            self.vain_passes += 1
            self.vain_seconds += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One simulated day. Seconds between an edit and the generation that has it; how much was
    done in vain; the most that happened within a tenth of a second."""

    day: str
    rules: str
    edits: int
    passes: int
    stale_p50: float | None
    stale_p95: float | None
    stale_p99: float | None
    stale_most: float | None
    others_p95: float | None
    fairness: float | None
    vain_passes: int
    vain_hours: float
    wasted_calls: int
    refused_calls: int
    jobs_due_at_once: int
    looks_at_once: int
    looks_per_pass: float
    calls_at_once: int
    failed_jobs: int
    unfinished: int
    cpu_seconds: float


def figures_of(
    day: str, rules: str, notes: Notes, line: JobLine, *, unfinished: int, cpu_seconds: float
) -> Figures:
    seconds = [took for _, _, took in notes.stale]
    p50, p95, p99, most = percentiles(seconds, (50, 95, 99, 100))
    return Figures(
        day=day,
        rules=rules,
        edits=len(seconds),
        passes=notes.passes,
        stale_p50=p50,
        stale_p95=p95,
        stale_p99=p99,
        stale_most=most,
        others_p95=percentiles([t for who, _, t in notes.stale if who != "tenant0"], (95,))[0],
        fairness=fairness(notes.stale),
        vain_passes=notes.vain_passes,
        vain_hours=notes.vain_seconds / 3_600,
        wasted_calls=notes.wasted_calls,
        refused_calls=notes.refused_calls,
        jobs_due_at_once=max(notes.due.values(), default=0),
        looks_at_once=max(notes.looks.values(), default=0),
        looks_per_pass=notes.looks.total() / max(1, notes.passes),
        calls_at_once=max(notes.calls.values(), default=0),
        failed_jobs=line.ended["failed"] + line.ended["lost"],
        unfinished=unfinished,
        cpu_seconds=cpu_seconds,
    )


def percentiles(values: Sequence[float], ranks: Sequence[int]) -> list[float | None]:
    if not values:
        return [None for _ in ranks]
    return [float(each) for each in np.percentile(values, ranks)]


def fairness(stale: Sequence[tuple[str, float, float]]) -> float | None:
    """Jain's index of the tenants' median waits: 1 if all wait alike, 1/n if only one waits."""
    of_tenant: defaultdict[str, list[float]] = defaultdict(list)
    for who, _, took in stale:
        of_tenant[who].append(took)
    medians = np.array([np.median(each) for each in of_tenant.values()])
    return float(medians.sum() ** 2 / (len(medians) * (medians**2).sum())) if len(medians) else None


def _instant(time: float) -> int:
    return int(time / INSTANT_SECONDS)
