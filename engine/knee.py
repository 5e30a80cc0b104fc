"""From how long visits took at rising caps to what to set. Pure; measures nothing.

A pass visits as many files at once as the least of three numbers allows: the cap, the width of
the graph, and the tabs of a render pool less one. More helps only while none of them, and
neither the longest chain nor what the visits are waiting for, stands in the way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Two runs that differ by less are as good as each other.
TOLERANCE: Final = 0.1

# Visits share one core, that of the event loop; above this share of it they wait for it.
BUSY_SHARE: Final = 0.8


class Ceiling(StrEnum):
    """What keeps visits from being done sooner: the setting, the graph, or what they need."""

    CAP = "cap"
    GRAPH = "graph"
    SUPPLY = "supply"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run over the same visits: with this cap, so many at once in fact, so long."""

    cap: int
    at_once: int
    seconds: float
    cpu_seconds: float
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the graph that a pass over everything would visit, and of the settings.

    `depth` and `chain_seconds` are of the longest chain of what was tried, `envelope` is how
    many visits the tabs allow, `cap` what is set.
    """

    files: int
    width: int
    depth: int
    chain_seconds: float
    envelope: int
    cap: int


@dataclass(frozen=True, slots=True)
class Advice:
    """`knee` is the least cap at which visits are about as quick as at any that was tried."""

    knee: int
    ceiling: Ceiling
    reason: str
    setting: str
    value: int


CAP_SETTING: Final = "INDEX_RUNNER_MAX_CONCURRENCY"
TABS_SETTING: Final = "PRERENDER_AFFINITY_TAB_MAX"


def knee_of(samples: Iterable[Sample]) -> int:
    """The least cap whose time is within the tolerance of the best; one sample at least."""
    tried = sorted(samples, key=_cap)
    best = min(sample.seconds for sample in tried)
    return next(each.cap for each in tried if each.seconds <= best * (1 + TOLERANCE))


def advise(samples: Sequence[Sample], shape: Shape) -> Advice:
    """What binds at the knee, and the one setting to change; the one that is, if none."""
    knee = knee_of(samples)
    at_knee = next(sample for sample in samples if sample.cap == knee)
    is_last = at_knee.at_once == max(sample.at_once for sample in samples)
    if reason := _of_graph(at_knee, shape, is_last=is_last):
        value = shape.cap if _is_as_good(samples, shape.cap) else knee
        return Advice(knee, Ceiling.GRAPH, reason, CAP_SETTING, value)
    if knee > shape.cap:
        reason = f"visits are quicker at {knee} at once than at {shape.cap}, which is the cap"
        return Advice(knee, Ceiling.CAP, reason, CAP_SETTING, knee)
    if is_last and at_knee.at_once == shape.envelope:
        return _of_tabs(knee, shape)
    if is_last and knee == shape.cap:
        reason = f"each raise paid up to {knee} at once, the highest that was tried"
        return Advice(knee, Ceiling.CAP, reason, CAP_SETTING, 2 * knee)
    value = shape.cap if _is_as_good(samples, shape.cap) else knee
    return Advice(knee, Ceiling.SUPPLY, _of_supply(at_knee), CAP_SETTING, value)


def _is_as_good(samples: Sequence[Sample], cap: int) -> bool:
    """Whether that cap, or what it came to, is within the tolerance of the best."""
    best = min(sample.seconds for sample in samples)
    tried = max((each for each in samples if each.cap <= cap), default=None, key=_cap)
    return tried is not None and tried.seconds <= best * (1 + TOLERANCE)


def _cap(sample: Sample) -> int:
    return sample.cap


def _of_graph(sample: Sample, shape: Shape, *, is_last: bool) -> str:
    """Why the graph itself allows no more; empty if it does."""
    if sample.at_once == 1 and is_last:
        return f"{shape.files} files of width {shape.width} are visited one by one in any case"
    if sample.seconds <= shape.chain_seconds * (1 + TOLERANCE):
        return (
            f"the longest chain, of {shape.depth} layers, takes {shape.chain_seconds:.2f} s of the"
            f" {sample.seconds:.2f} s by itself"
        )
    if sample.at_once >= shape.width:
        return f"the graph is {shape.width} files wide: no more can ever run at once"
    return ""


def _of_tabs(knee: int, shape: Shape) -> Advice:
    tabs = shape.envelope + 1
    reason = (
        f"each raise paid up to {shape.envelope} at once, which is what {tabs} tabs allow: one"
        " stays free for what a visit loads; if the pool has more, set that and tune again"
    )
    return Advice(knee, Ceiling.SUPPLY, reason, TABS_SETTING, 2 * shape.envelope + 1)


def _of_supply(sample: Sample) -> str:
    share = sample.cpu_seconds / sample.seconds if sample.seconds else 0.0
    if share >= BUSY_SHARE:
        return f"visits at {sample.at_once} at once use {share:.0%} of the core that they share"
    return (
        f"more than {sample.at_once} at once are no quicker while {share:.0%} of a core is used:"
        " what the visits wait for does not do more at once"
    )
