"""The simulated fleet: hosts that claim, run, die and are replaced, over one line of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from benchmarks.fleet_clock import Clock
from benchmarks.fleet_day import Day, Faults, Moment, moments, realms_of
from benchmarks.fleet_figures import Notes
from benchmarks.fleet_line import Job, JobLine
from benchmarks.fleet_pass import Pass, Realm, Surroundings
from benchmarks.fleet_provider import Provider
from engine.embedding.breaker import Breaker
from engine.jobs.failure import Failure, FailureKind
from engine.jobs.state import Failed, JobState, Lost, LossReason, Outcome, Released
from engine.jobs.sweeper import MISSING_SECONDS, WATCH_SECONDS
from engine.jobs.turns import peace_seconds, why_lost

RESTART_SECONDS = 15.0
CUT_OFF = Failed(Failure(FailureKind.TRANSIENT, "the database was not to be reached"))


@dataclass(slots=True, eq=False)
class Host:
    """A worker process. `is_cut` while it runs and reaches nobody."""

    number: int
    slots: int
    breaker: Breaker
    is_up: bool = True
    is_cut: bool = False
    running: dict[int, Pass] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.slots - len(self.running) if self.is_up and not self.is_cut else 0


@dataclass(slots=True, eq=False)
class Orphan:
    """A job of a host that is no more, or can't be reached, until somebody takes it."""

    job: Job
    lease_until: float
    missing_since: float | None
    lost_at: float


class Fleet:
    """`run` simulates the day; what happened is in `notes`, `line` and `realms`."""

    def __init__(self, day: Day, *, seed: int, line: JobLine | None = None) -> None:
        self.day = day
        self.clock = Clock()
        self.notes = Notes()
        self.line = line or JobLine()
        self._chance = Random(seed)
        self.realms = realms_of(day, Random(seed + 1))
        self._coming = moments(day, self.realms, Random(seed + 2))
        self.provider = Provider(day.provider, Random(seed + 3))
        self.hosts = [self._host(number) for number in range(day.hosts)]
        self.orphans: list[Orphan] = []

    def run(self, *, until: float | None = None) -> None:
        """The day, and what is left to be done after it up to that time."""
        self._next_moment(0)
        self._plan_faults(self.day.faults)
        self.clock.run(until or self.day.seconds)

    # The edits.

    def _next_moment(self, place: int) -> None:
        if place < len(self._coming):
            self.clock.at(self._coming[place].at, self._happen, place)

    def _happen(self, place: int) -> None:
        moment = self._coming[place]
        self._next_moment(place + 1)
        for number, edit in zip(moment.realms, moment.edits, strict=True):
            self.realms[number].edits.append(edit)
        if moment.is_told:
            self.ask(moment.realms)
        else:
            self._look_later(self.realms[moment.realms[0]])

    def ask(self, realms: Sequence[int]) -> None:
        """One request, of which the workers are told once."""
        known = self.line.created
        for number in realms:
            self.line.ask(number, self.realms[number].tenant, self.clock.now)
        if self.line.created > known:
            self._all_look()

    def _look_later(self, realm: Realm) -> None:
        """A realm is compared with its source once in each interval, at a moment of its own."""
        interval = self.day.reconcile_seconds
        phase = realm.id / len(self.realms) * interval
        turns = (self.clock.now - phase) // interval + 1
        self.clock.at(phase + turns * interval, self._compare, realm)

    def _compare(self, realm: Realm) -> None:
        """As `select_reconcilable.sql`: not what is in line, nor what must be left in peace."""
        if not realm.edits:
            return
        in_line = realm.id in self.line.untouched or realm.id in self.line.begun
        rests = self.clock.now < realm.failed_at + peace_seconds(realm.failures)
        if in_line or rests:
            self._look_later(realm)
        else:
            self.ask([realm.id])

    # Claims and passes.

    def _all_look(self) -> None:
        """Who has room hears of news, and asks."""
        idle = [host for host in self.hosts if host.free > 0]
        self.notes.look(self.clock.now, len(idle))
        self._chance.shuffle(idle)
        for host in idle:
            if not self._claim(host):
                return

    def _claim(self, host: Host) -> int:
        jobs = self.line.claim(self.clock.now, limit=host.free)
        for job in jobs:
            self._begin(host, job)
        return len(jobs)

    def _begin(self, host: Host, job: Job) -> None:
        if job.claims == 1:
            self.notes.waits.append(self.clock.now - job.asked_at)
        around = Surroundings(self.clock, self.provider, host.breaker, self._chance, self)
        host.running[job.id] = Pass(
            job,
            self.realms[job.realm],
            around,
            lambda done, outcome: self._ended(host, done, outcome),
        )

    def _ended(self, host: Host, done: Pass, outcome: Outcome | None) -> None:
        if host.running.get(done.job.id) is not done:
            return
        del host.running[done.job.id]
        self._settle(done.job, outcome, began_at=done.began_at)
        if outcome is None:
            self._swap(done)
        self._look(host)
        self._all_look()

    def _look(self, host: Host) -> None:
        if host.free > 0:
            self.notes.look(self.clock.now, 1)
            self._claim(host)

    def _settle(self, job: Job, outcome: Outcome | None, *, began_at: float) -> None:
        now = self.clock.now
        self.notes.ended(now - began_at, in_vain=outcome is not None)
        if outcome is None:
            self.line.succeed(job, now)
            return
        decided = self.line.settle(job, outcome, now, spread=self._chance.random())
        self.notes.put_off(job, decided)
        if decided.state is JobState.PENDING and decided.delay_seconds:
            # A worker knows when the next one is due, and adds a millisecond.
            self.clock.at(job.due + 0.001, self._all_look)
        if decided.state is JobState.FAILED:
            self._failed(self.realms[job.realm])

    def _failed(self, realm: Realm) -> None:
        realm.failures, realm.failed_at = realm.failures + 1, self.clock.now
        self._look_later(realm)

    def _swap(self, done: Pass) -> None:
        realm, now = done.realm, self.clock.now
        del realm.edits[: len(done.edits)]
        realm.paid = realm.failures = 0
        realm.generation += 1
        self.notes.stale.extend((realm.tenant, edit.at, now - edit.at) for edit in done.edits)

    def called(self, error: Exception | None) -> None:
        self.notes.call(self.clock.now, error)

    def wasted(self, calls: int) -> None:
        self.notes.wasted_calls += calls

    # What goes wrong.

    def _host(self, number: int) -> Host:
        breaker = Breaker(clock=lambda: self.clock.now, spread=self._chance.random)
        return Host(number, self.day.slots, breaker)

    def _plan_faults(self, faults: Faults) -> None:
        for act, times in ((self.kill, faults.deaths), (self.cut, faults.cuts)):
            for _ in range(times):
                host = self._chance.randrange(self.day.hosts)
                self.clock.at(self._chance.random() * self.day.seconds, act, host)
        for at in faults.deploys:
            for number in range(self.day.hosts):
                self.clock.at(at + number * RESTART_SECONDS, self.deploy, number)

    def kill(self, number: int) -> None:
        """At once, without a word."""
        host = self.hosts[number]
        if host.is_up:
            now = self.clock.now
            self._leave_behind(host, missing_since=now + WATCH_SECONDS * self._chance.random())
            host.is_up = False
            self.clock.after(self.day.faults.back_after_seconds, self._replace, number)

    def deploy(self, number: int) -> None:
        """It is told to stop, gives back what it runs, and another one starts."""
        host = self.hosts[number]
        if host.is_up and not host.is_cut:
            host.is_up = False
            for done in list(host.running.values()):
                done.stop()
                self._settle(done.job, Released(), began_at=done.began_at)
            host.running.clear()
            self._all_look()
            self.clock.after(RESTART_SECONDS, self._replace, number)

    def _replace(self, number: int) -> None:
        self.hosts[number] = self._host(number)
        self._look(self.hosts[number])

    def cut(self, number: int) -> None:
        """Its session stays, as far as the database can tell: only the lease says otherwise."""
        host = self.hosts[number]
        if host.is_up and not host.is_cut:
            self._leave_behind(host, missing_since=None)
            host.is_cut = True
            self.clock.after(self.day.faults.cut_seconds, self._heal, host)

    def _heal(self, host: Host) -> None:
        """What nobody has taken meanwhile it gives back."""
        host.is_cut = False
        for orphan in [each for each in self.orphans if each.missing_since is None]:
            if orphan.lost_at == self.clock.now - self.day.faults.cut_seconds:
                self._take(orphan, CUT_OFF)
        self._look(host)

    def _leave_behind(self, host: Host, *, missing_since: float | None) -> None:
        now = self.clock.now
        for done in host.running.values():
            done.stop()
            self.notes.ended(now - done.began_at, in_vain=True)
            lease_until = now + self.day.lease_seconds * (2 / 3 + self._chance.random() / 3)
            orphan = Orphan(done.job, lease_until, missing_since, now)
            self.orphans.append(orphan)
            self.clock.after(WATCH_SECONDS, self._sweep, orphan)
        host.running.clear()

    def _sweep(self, orphan: Orphan) -> None:
        """Each worker looks for itself, so somebody does a few times in each second."""
        if orphan not in self.orphans:
            return
        reason = why_lost(
            now=self.clock.now,
            lease_until=orphan.lease_until,
            missing_since=orphan.missing_since,
            progress_at=orphan.lost_at,
            missing_seconds=MISSING_SECONDS,
            stall_seconds=1_800.0,
        )
        if reason is None or not any(host.is_up and not host.is_cut for host in self.hosts):
            self.clock.after(WATCH_SECONDS * (0.75 + self._chance.random() / 2), self._sweep, orphan)
            return
        self._take(orphan, Lost(LossReason(reason)))

    def _take(self, orphan: Orphan, outcome: Outcome) -> None:
        self.orphans.remove(orphan)
        self.notes.takeover_seconds.append(self.clock.now - orphan.lost_at)
        decided = self.line.settle(orphan.job, outcome, self.clock.now, spread=self._chance.random())
        if decided.state is JobState.FAILED:
            self._failed(self.realms[orphan.job.realm])
        elif decided.delay_seconds:
            self.clock.at(orphan.job.due + 0.001, self._all_look)
        self._all_look()
