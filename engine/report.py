"""What a pass tells of itself: while it runs, and when it is over."""

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """The steps of a pass, in order."""

    QUEUED = "queued"
    DISCOVER = "discover"
    PREWARM = "prewarm"
    VISIT = "visit"
    SWAP = "swap"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a running pass. `done` of `total` counts files of the phase."""

    phase: Phase = Phase.QUEUED
    done: int = 0
    total: int = 0
    chunks: int = 0
    phase_seconds: float = 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """What the rest of the phase takes at its rate so far; unknown before the first file."""
        if not self.done or not self.total:
            return None
        return self.phase_seconds / self.done * (self.total - self.done)


@dataclass(slots=True)
class Tracker:
    """Counts while a pass runs, and times its phases."""

    seconds: dict[str, float] = field(default_factory=dict)
    _phase: Phase = Phase.QUEUED
    _since: float = field(default_factory=time.monotonic)
    done: int = 0
    total: int = 0
    chunks: int = 0

    def enter(self, phase: Phase, *, total: int = 0) -> None:
        """Close the phase that ran, and open the next one."""
        now = time.monotonic()
        elapsed = self.seconds.get(self._phase, 0.0) + now - self._since
        self.seconds[str(self._phase)] = round(elapsed, 4)
        self._phase, self._since = phase, now
        self.done, self.total = 0, total

    def expect(self, files: int) -> None:
        """So many more files are to be prewarmed than was known."""
        self.total += files

    def loaded(self) -> None:
        """A definition was loaded; visits count what they store and not what they load."""
        if self._phase is Phase.PREWARM:
            self.done += 1

    def progress(self) -> Progress:
        elapsed = time.monotonic() - self._since
        return Progress(self._phase, self.done, self.total, self.chunks, elapsed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a pass did.

    `invalidated` files may have changed; `visited` ones were computed again, `reused` ones
    had been by a pass that never ended, and `cut_off` ones were spared because no
    definition they read had changed. `failed` counts visits. `texts_embedded` were sent to
    the embedder, the others had a vector already.
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
        return cls(**asdict(done), **found)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
