"""How a process of a cluster performs a batch of calls. Knows no scheduler and no pass."""

import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from engine.executors.executor import Job
from engine.executors.worker import outcome


def perform(batch: str, jobs: bytes) -> bytes:
    """The outcomes of the calls, in their order. Pickles both: the scheduler reads neither.

    An interrupted batch ends with what was begun; nobody waits for its outcomes any more.
    """
    calls: list[Job] = pickle.loads(jobs)  # noqa: S301 - whoever reaches the scheduler may run code
    with _performing(batch) as interrupt:
        outcomes = [outcome(call) for call in calls if not interrupt.is_set]
    return pickle.dumps(outcomes, protocol=pickle.HIGHEST_PROTOCOL)


def interrupt(batches: Iterable[str]) -> None:
    """Stop these batches, where they run in this process."""
    for batch in batches:
        if found := _running.get(batch):
            found.set()


@contextmanager
def interruptible(stop: Callable[[], object]) -> Iterator[None]:
    """While the block runs, `stop` is called if the batch of this thread is interrupted."""
    current: Interrupt | None = getattr(_here, "interrupt", None)
    if current is None:
        yield
        return
    current.add(stop)
    try:
        yield
    finally:
        current.remove(stop)


class Interrupt:
    """Set once, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], object]] = []
        self.is_set = False

    def set(self) -> None:
        with self._lock:
            self.is_set = True
            stops = list(self._stops)
        for stop in stops:
            stop()

    def add(self, stop: Callable[[], object]) -> None:
        with self._lock:
            self._stops.append(stop)
            late = self.is_set
        if late:
            stop()

    def remove(self, stop: Callable[[], object]) -> None:
        with self._lock:
            self._stops.remove(stop)


_running: dict[str, Interrupt] = {}
_here = threading.local()


@contextmanager
def _performing(batch: str) -> Iterator[Interrupt]:
    _running[batch] = _here.interrupt = Interrupt()
    try:
        yield _here.interrupt
    finally:
        del _running[batch], _here.interrupt
