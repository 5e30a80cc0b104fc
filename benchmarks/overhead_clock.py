"""The processors' time that each phase of a pass takes, by process. Knows no visit. Linux only."""

import threading
import time
from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from engine import PassReport

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds of this process, of its worker processes and of Postgres."""

    ours: float
    workers: float
    postgres: float

    def __sub__(self, other: "Used") -> "Used":
        return Used(
            self.ours - other.ours, self.workers - other.workers, self.postgres - other.postgres
        )


class PhaseClock:
    """Looks again and again in a thread, within the block; its own time is left out."""

    def __init__(self, home: Path) -> None:
        self._process = psutil.Process()
        self._postgres = list(_postgres_in(home))
        self._times: list[float] = []
        self._used: list[Used] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def whole(self) -> Used:
        return self._used[-1] - self._used[0]

    def by_phase(self, report: PassReport, discover_began: float) -> Iterator[tuple[str, Used]]:
        """Each phase from the listing on, cut at the samples that are nearest to its ends."""
        at = discover_began
        for phase in ("discover", "prewarm", "visit", "swap"):
            until = at + report.phases.get(phase, 0.0)
            yield phase, self._at(until) - self._at(at)
            at = until

    def _at(self, moment: float) -> Used:
        return self._used[min(bisect(self._times, moment), len(self._used) - 1)]

    def _run(self) -> None:
        while True:
            is_last = self._done.wait(SAMPLE_SECONDS)
            self._times.append(time.perf_counter())
            self._used.append(self._look())
            if is_last:
                return

    def _look(self) -> Used:
        times = self._process.cpu_times()
        workers = times.children_user + times.children_system
        for child in self._process.children():
            with suppress(psutil.NoSuchProcess):
                workers += sum(child.cpu_times()[:4]) if _is_worker(child) else 0.0
        postgres = sum(map(_seconds, self._postgres))
        return Used(time.process_time() - time.thread_time(), workers, postgres)


def _is_worker(child: psutil.Process) -> bool:
    return any("executors.worker" in word for word in child.cmdline())


def _seconds(server: psutil.Process) -> float:
    """Of a server and its sessions, those that have ended included."""
    found = 0.0
    with suppress(psutil.NoSuchProcess):
        found = sum(server.cpu_times()[:4])
        for session in server.children():
            with suppress(psutil.NoSuchProcess):
                found += sum(session.cpu_times()[:4])
    return found


def _postgres_in(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline"]):
        line = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and any(str(home) in word for word in line):
            yield process
