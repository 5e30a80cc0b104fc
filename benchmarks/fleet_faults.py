"""What goes wrong in the simulated fleet: hosts die, are cut off, or get new code."""

from dataclasses import dataclass
from typing import Final

from benchmarks.fleet_hosts import Fleet, Host
from benchmarks.fleet_pass import Pass
from engine.jobs.failure import Failure, FailureKind
from engine.jobs.state import Failed, Lost, Outcome, Released
from engine.jobs.sweeper import MISSING_SECONDS, WATCH_SECONDS, Patience
from engine.jobs.turns import why_lost

RESTART_SECONDS: Final = 15.0
CUT_OFF: Final = Failed(Failure(FailureKind.TRANSIENT, "the lease could not be renewed"))


@dataclass(frozen=True, slots=True, eq=False)
class Orphan:
    """A claim whose host is no more, or reaches nobody. `missing_since` is when its lock was
    found free: of a host that is only cut off it is not."""

    done: Pass
    host: Host
    lease_until: float
    missing_since: float | None
    since: float


class Mishaps:
    """`orphans` are the claims that nobody has taken yet."""

    def __init__(self, fleet: Fleet) -> None:
        self.orphans: list[Orphan] = []
        self._fleet = fleet
        self._faults = fleet.day.faults
        self._patience = Patience(lease_seconds=fleet.day.lease_seconds)
        for act, times in ((self.kill, self._faults.deaths), (self.cut, self._faults.cuts)):
            for _ in range(times):
                host = fleet.chance.randrange(fleet.day.hosts)
                fleet.clock.at(fleet.chance.random() * fleet.day.seconds, act, host)
        for at in self._faults.deploys:
            for number in range(fleet.day.hosts):
                fleet.clock.at(at + number * RESTART_SECONDS, self.deploy, number)

    def kill(self, number: int) -> None:
        """At once and without a word. Somebody looks for its lock within a moment."""
        host = self._fleet.hosts[number]
        if host.is_up:
            seen = self._fleet.clock.now + WATCH_SECONDS * self._fleet.chance.random()
            self._leave_behind(host, missing_since=seen)
            host.is_up = False
            self._fleet.clock.after(self._faults.away_seconds, self._replace, number)

    def cut(self, number: int) -> None:
        """As far as the database can tell its session is there: only the lease says otherwise."""
        host = self._fleet.hosts[number]
        if host.is_here:
            self._leave_behind(host, missing_since=None)
            host.is_cut = True
            self._fleet.clock.after(self._faults.cut_seconds, self._heal, host)

    def deploy(self, number: int) -> None:
        """It is told to stop, gives back what it runs, and another one starts."""
        host = self._fleet.hosts[number]
        if host.is_here:
            host.is_up = False
            for done in list(host.running.values()):
                done.stop()
                self._fleet.settle(done, Released())
            host.running.clear()
            self._fleet.clock.after(RESTART_SECONDS, self._replace, number)

    def _replace(self, number: int) -> None:
        self._fleet.hosts[number] = self._fleet.host(number)
        self._fleet.look(self._fleet.hosts[number])

    def _heal(self, host: Host) -> None:
        """It gives back what nobody has taken from it meanwhile, if it lives."""
        host.is_cut = False
        if host.is_up:
            for orphan in [each for each in self.orphans if each.host is host]:
                self._take(orphan, CUT_OFF)
            self._fleet.look(host)

    def _leave_behind(self, host: Host, *, missing_since: float | None) -> None:
        now = self._fleet.clock.now
        for done in host.running.values():
            done.stop()
            # The last heartbeat was up to a third of the lease ago.
            left = self._patience.lease_seconds * (1 - self._fleet.chance.random() / 3)
            orphan = Orphan(done, host, now + left, missing_since, now)
            self.orphans.append(orphan)
            self._sweep_later(orphan)
        host.running.clear()

    def _sweep_later(self, orphan: Orphan) -> None:
        jitter = 0.75 + self._fleet.chance.random() / 2
        self._fleet.clock.after(WATCH_SECONDS * jitter, self._sweep, orphan)

    def _sweep(self, orphan: Orphan) -> None:
        """By whoever is there."""
        if orphan not in self.orphans:
            return
        reason = why_lost(
            now=self._fleet.clock.now,
            lease_until=orphan.lease_until,
            missing_since=orphan.missing_since,
            progress_at=orphan.since,
            missing_seconds=MISSING_SECONDS,
            stall_seconds=self._patience.stall_seconds,
        )
        if reason is not None and any(host.is_here for host in self._fleet.hosts):
            self._take(orphan, Lost(reason))
        else:
            self._sweep_later(orphan)

    def _take(self, orphan: Orphan, outcome: Outcome) -> None:
        self.orphans.remove(orphan)
        self._fleet.notes.takeovers.append(self._fleet.clock.now - orphan.since)
        self._fleet.settle(orphan.done, outcome)
