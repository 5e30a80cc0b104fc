"""One pass of the simulated fleet: reading, embedding through the engine's traffic, the swap."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from benchmarks.fleet_clock import Clock
from benchmarks.fleet_line import Job
from benchmarks.fleet_provider import Provider
from engine.embedding.breaker import Breaker
from engine.embedding.line import Line
from engine.embedding.queue import GRACE_SECONDS
from engine.embedding.traffic import Sent, Supply, Traffic
from engine.jobs.failure import failure_of
from engine.jobs.state import Failed, Outcome
from resolver import visit_concurrency

# Measured here: a fetch that finds something, a listing and the look into the index of Django's
# 2,818 files, a visit of one, a swap.
FETCH_SECONDS: Final = 0.2
LISTING_SECONDS: Final = 0.15 / 2_818
VISIT_SECONDS: Final = 14.0 / 2_818
SWAP_SECONDS: Final = 0.05

CONCURRENCY: Final = 8
PAUSE_SECONDS: Final = 20.0
ENVELOPE: Final = 4


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody changed in a realm: how many files are to be visited, in layers no wider
    than `width`, and how many batches of texts are new. Told of, or to be found."""

    at: float
    files: int
    width: int
    batches: int
    is_told: bool = True


@dataclass(slots=True, eq=False)
class Realm:
    """`edits` are those that no generation has; `paid` counts batches whose vectors wait."""

    id: int
    tenant: str
    files: int
    edits: list[Edit] = field(default_factory=list)
    paid: int = 0
    generation: int = 0
    failures: int = 0
    failed_at: float = 0.0


class Listener(Protocol):
    """Who is told of each call of the provider."""

    def called(self, now: float, error: Exception | None) -> None: ...

    def wasted(self, calls: int) -> None: ...


@dataclass(slots=True, eq=False)
class Surroundings:
    """What a pass has around it, on its host."""

    clock: Clock
    provider: Provider
    breaker: Breaker
    chance: Random
    listener: Listener


class Pass:
    """Begins when it is made. Calls `ended` once, with nothing if it swapped, unless stopped."""

    def __init__(
        self,
        job: Job,
        realm: Realm,
        around: Surroundings,
        ended: Callable[["Pass", Outcome | None], None],
    ) -> None:
        self.job = job
        self.realm = realm
        self.began_at = around.clock.now
        self.edits = tuple(realm.edits)
        self.is_over = False
        self._around = around
        self._ended = ended
        self._traffic: Traffic | None = None
        self._missing = self._answered = 0
        self._gave_up_at: float | None = None
        around.clock.after(self.reading_seconds(), self._embed)

    def reading_seconds(self) -> float:
        """Until it is known which texts are new."""
        files = sum(edit.files for edit in self.edits)
        width = max((edit.width for edit in self.edits), default=0)
        at_once = visit_concurrency(files, width, envelope=ENVELOPE, cap=ENVELOPE)
        fetch = FETCH_SECONDS * (0.5 + self._around.chance.random())
        return fetch + self.realm.files * LISTING_SECONDS + files * VISIT_SECONDS / at_once

    def stop(self) -> None:
        """Its host died, or it is told to: what is on its way is lost."""
        self.is_over = True
        if self._traffic is not None:
            self._around.listener.wasted(self._traffic.in_flight)

    def _embed(self) -> None:
        if self.is_over:
            return
        around = self._around
        # A text stands for a batch.
        self._traffic = Traffic(
            Line(1, 1),
            concurrency=CONCURRENCY,
            pause_seconds=PAUSE_SECONDS,
            breaker=around.breaker,
            spread=around.chance.random,
        )
        self._traffic.supply = Supply.ENDED
        self._missing = max(0, sum(edit.batches for edit in self.edits) - self.realm.paid)
        for number in range(self._missing):
            self._traffic.add(number.to_bytes(4, "big"), "x", around.clock.now)
        self._pump()

    def _pump(self) -> None:
        """As `EmbeddingQueue` does: send what may go, wait for what comes, or end."""
        if self.is_over:
            return
        traffic, clock = self._traffic, self._around.clock
        assert traffic is not None
        while sent := traffic.next(clock.now):
            self._send(sent)
        if traffic.failure is not None:
            self._fail(traffic)
        elif self._answered == self._missing:
            self.is_over = True
            clock.after(SWAP_SECONDS, self._ended, self, None)
        elif (seconds := traffic.until_next(clock.now)) is not None:
            clock.after(seconds, self._pump)

    def _send(self, sent: Sent) -> None:
        seconds, error = self._around.provider.ask(self._around.clock.now)
        self._around.listener.called(self._around.clock.now, error)
        self._around.clock.after(seconds, self._hear, sent, error)

    def _hear(self, sent: Sent, error: Exception | None) -> None:
        traffic = self._traffic
        assert traffic is not None
        if not self.is_over and error is None:
            traffic.answered(sent)
            traffic.kept()
            self._answered += 1
            self.realm.paid += 1
        elif not self.is_over and error is not None:
            traffic.failed(sent, error, self._around.clock.now)
        traffic.forget(sent)
        self._pump()

    def _fail(self, traffic: Traffic) -> None:
        """What is under way is waited for, as it is paid for, but not for long."""
        clock = self._around.clock
        if traffic.is_still:
            self._give_up(traffic)
        elif self._gave_up_at is None:
            self._gave_up_at = clock.now
            clock.after(GRACE_SECONDS, self._give_up, traffic)

    def _give_up(self, traffic: Traffic) -> None:
        if not self.is_over:
            assert traffic.failure is not None
            self.stop()
            self._ended(self, Failed(failure_of(traffic.failure)))
