"""What a pass tells of itself: while it runs, and when it is over."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from engine.plan_shape import PlanShape


class Phase(StrEnum):
    """The steps of a pass, in order."""

    QUEUED = "queued"
    FETCH = "fetch"
    DISCOVER = "discover"
    PREWARM = "prewarm"
    VISIT = "visit"
    SWAP = "swap"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a running pass, in counts that only rise within a phase.

    `done` of `total` counts files that are stored; `reused` of them had been visited by an
    attempt that never ended. Before the first visit, `loaded` of `to_load` counts what has
    to be there for it: steps of a transfer while the source is fetched, then definitions.
    `phase_seconds` is the time in this phase.
    """

    phase: Phase = Phase.QUEUED
    done: int = 0
    total: int = 0
    reused: int = 0
    chunks: int = 0
    loaded: int = 0
    to_load: int = 0
    phase_seconds: float = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        """Done and total of what goes on."""
        if self.phase in (Phase.FETCH, Phase.PREWARM):
            return self.loaded, self.to_load
        return self.done, self.total

    @property
    def rate(self) -> float:
        """Files a second in this phase."""
        done = self.loaded if self.phase is Phase.PREWARM else self.done - self.reused
        return done / self.phase_seconds if self.phase_seconds else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """What the visits that are left take at the rate so far; unknown before the first."""
        if self.phase is not Phase.VISIT or not self.rate:
            return None
        return (self.total - self.done) / self.rate


@dataclass(slots=True)
class Tracker:
    """Counts while a pass runs, and times its phases."""

    seconds: dict[str, float] = field(default_factory=dict)
    _phase: Phase = Phase.QUEUED
    _since: float = field(default_factory=time.monotonic)
    done: int = 0
    total: int = 0
    reused: int = 0
    chunks: int = 0
    loads: int = 0
    to_load: int = 0
    _transfer: tuple[int, int] = (0, 0)

    def enter(self, phase: Phase) -> None:
        """Close the phase that ran, and open the next one."""
        now = time.monotonic()
        elapsed = self.seconds.get(self._phase, 0.0) + now - self._since
        self.seconds[str(self._phase)] = round(elapsed, 4)
        self._phase, self._since = phase, now

    def fetched(self, done: int, total: int) -> None:
        """So many steps of a transfer are done, of those that are known of."""
        self._transfer = done, total

    def expect(self, files: int) -> None:
        """So many more files are to be prewarmed than was known."""
        self.to_load += files

    def loaded(self) -> None:
        """A definition was loaded; visits count what they store and not what they load."""
        if self._phase is Phase.PREWARM:
            self.loads += 1

    def begin_visits(self, total: int, *, reused: int) -> None:
        """The plan is made: so many files, of which some were visited by an earlier attempt."""
        self.enter(Phase.VISIT)
        # A snapshot that moved is taken again, by the same attempt: its counts go on.
        self.total = max(self.total, total)
        self.done = max(self.done, reused)
        self.reused = max(self.reused, reused)

    def progress(self) -> Progress:
        loads = self.loads, self.to_load
        loaded, to_load = self._transfer if self._phase is Phase.FETCH else loads
        return Progress(
            self._phase,
            self.done,
            self.total,
            self.reused,
            self.chunks,
            loaded,
            to_load,
            time.monotonic() - self._since,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a pass did.

    `invalidated` files may have changed; `visited` ones were computed again, `reused` ones
    had been by a pass that never ended, and `cut_off` ones were spared because no
    definition they read had changed. `failed` counts visits. `texts_embedded` were sent to
    the embedder, the others had a vector already. There is a `plan` if there were visits.
    """

    generation: int
    invalidated: int = 0
    visited: int = 0
    reused: int = 0
    cut_off: int = 0
    renamed: int = 0
    failed: int = 0
    texts_embedded: int = 0
    max_layer_width: int = 0
    topo_depth: int = 0
    concurrency: int = 0
    plan: PlanShape | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport(Done):
    """What one pass found and did.

    `files`, `chunks`, `errors` and `skipped` count the live index after the pass; `added`,
    `modified`, `touched` and `deleted` count what discovery found. `phases` are seconds.
    """

    realm: str
    revision: str
    files: int
    chunks: int
    errors: int
    skipped: int
    added: int
    modified: int
    touched: int
    deleted: int
    chunks_written: int
    seconds: float
    phases: dict[str, float]

    @classmethod
    def of(cls, done: Done, **found: Any) -> "PassReport":
        return cls(**{each.name: getattr(done, each.name) for each in fields(done)}, **found)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PassReport":
        """The inverse of `as_json`; what another version said beside it is left out."""
        known = {each.name: stored[each.name] for each in fields(cls) if each.name in stored}
        plan = stored.get("plan")
        shape = PlanShape.from_json(plan) if plan else None
        return cls(**known | {"warnings": tuple(stored.get("warnings", ())), "plan": shape})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
