"""The simulated fleet: edits come in, hosts look for jobs and run them, over one line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from benchmarks.fleet_clock import Clock
from benchmarks.fleet_day import Day, moments, realms_of
from benchmarks.fleet_figures import Notes
from benchmarks.fleet_line import Job, JobLine
from benchmarks.fleet_pass import Pass, Realm, Surroundings
from benchmarks.fleet_provider import Provider
from benchmarks.fleet_rules import ENGINE, Rules
from engine.embedding.breaker import Breaker
from engine.jobs.eagerness import Eagerness
from engine.jobs.news import News
from engine.jobs.state import JobState, Outcome
from engine.jobs.turns import peace_seconds

# Until the others have heard of what somebody has committed.
NEWS_SECONDS: Final = 0.002

# A worker asks so long after a job is due by the database's clock.
DUE_SECONDS: Final = 0.001


@dataclass(slots=True, eq=False)
class Host:
    """A worker process. `is_cut` while it runs and reaches nobody."""

    number: int
    slots: int
    breaker: Breaker
    eagerness: Eagerness
    is_up: bool = True
    is_cut: bool = False
    will_look: bool = False
    running: dict[int, Pass] = field(default_factory=dict)

    @property
    def is_here(self) -> bool:
        return self.is_up and not self.is_cut

    @property
    def free(self) -> int:
        return self.slots - len(self.running) if self.is_here else 0


class Fleet:
    """What happened is in `notes`, `line` and `realms`. The same seed makes the same day."""

    def __init__(self, day: Day, *, seed: int, rules: Rules = ENGINE) -> None:
        self.day = day
        self.clock = Clock()
        self.notes = Notes()
        self.line = JobLine()
        self.chance = Random(seed)
        self.realms = realms_of(day, Random(seed + 1))
        self._coming = moments(day, self.realms, Random(seed + 2))
        self._provider = Provider(day.provider, Random(seed + 3))
        self._rules = rules
        self.hosts = [self.host(number) for number in range(day.hosts)]
        self._next_moment(0)

    def host(self, number: int) -> Host:
        breaker = Breaker(clock=lambda: self.clock.now, spread=self.chance.random)
        return Host(number, self.day.slots, breaker, self._rules.eagerness())

    def _next_moment(self, place: int) -> None:
        if place < len(self._coming):
            self.clock.at(self._coming[place].at, self._happen, place)

    def _happen(self, place: int) -> None:
        moment = self._coming[place]
        self._next_moment(place + 1)
        for number, edit in zip(moment.realms, moment.edits, strict=True):
            self.realms[number].edits.append(edit)
            if not edit.is_told:
                self._compare_later(self.realms[number])
        told = [
            number for number, edit in zip(moment.realms, moment.edits, strict=True) if edit.is_told
        ]
        self.ask(told)

    def ask(self, realms: Sequence[int]) -> None:
        """One request, of which the workers are told once."""
        known = self.line.created
        for number in realms:
            tenant = self.realms[number].tenant if self.day.has_turns else ""
            self.line.ask(number, tenant, self.clock.now)
        if self.line.created > known:
            self._tell(JobState.PENDING, *range(known + 1, self.line.created + 1))

    def _compare_later(self, realm: Realm) -> None:
        """A realm is compared with its source once in each interval, at a moment of its own."""
        interval = self.day.reconcile_seconds
        phase = realm.id / len(self.realms) * interval
        turns = (self.clock.now - phase) // interval + 1
        due = phase + turns * interval
        # At such a moment itself the division may round down, and the next one would be this one.
        self.clock.at(due if due > self.clock.now else due + interval, self._compare, realm)

    def _compare(self, realm: Realm) -> None:
        """As `select_reconcilable.sql`: not what is in line, nor what must be left in peace."""
        if not realm.edits:
            return
        in_line = realm.id in self.line.untouched or realm.id in self.line.begun
        rests = self.clock.now < realm.failed_at + peace_seconds(realm.failures)
        if in_line or rests:
            self._compare_later(realm)
        else:
            self.ask([realm.id])

    def _tell(self, state: JobState, *jobs: int) -> None:
        """Who has room hears of it a moment later, and looks when it sees fit."""
        self.clock.after(NEWS_SECONDS, self._heard, News(state, frozenset(jobs[:300])))

    def _heard(self, news: News) -> None:
        for host in self.hosts:
            if host.free > 0:
                host.eagerness.hear(news)
                if host.eagerness.is_curious and not host.will_look:
                    host.will_look = True
                    pause = host.eagerness.pause_seconds(self.chance.random())
                    self.clock.after(pause, self._look_for_news, host)

    def _look_for_news(self, host: Host) -> None:
        host.will_look = False
        if host.eagerness.is_curious:
            self.look(host)

    def _all_look(self) -> None:
        """Something is due, and each that has room knew when."""
        for host in self.chance.sample(self.hosts, len(self.hosts)):
            self.look(host)

    def look(self, host: Host) -> None:
        """As a worker does that has room: one statement, whatever it finds."""
        if host.free <= 0:
            return
        self.notes.look(self.clock.now)
        host.eagerness.look()
        jobs = self.line.claim(self.clock.now, limit=host.free)
        for job in jobs:
            self._begin(host, job)
        if jobs:
            numbers = [job.id for job in jobs]
            host.eagerness.found(numbers)
            self._tell(JobState.RUNNING, *numbers)

    def _begin(self, host: Host, job: Job) -> None:
        self.notes.begun(job, self.clock.now)
        around = Surroundings(self.clock, self._provider, host.breaker, self.chance, self.notes)
        ended = partial(self._ended, host)
        host.running[job.id] = Pass(job, self.realms[job.realm], around, ended)

    def _ended(self, host: Host, done: Pass, outcome: Outcome | None) -> None:
        """Of a pass whose host has died meanwhile nobody hears."""
        if host.running.get(done.job.id) is not done:
            return
        del host.running[done.job.id]
        if outcome is None:
            self._succeed(done)
        else:
            self.settle(done, outcome)
        self.look(host)

    def _succeed(self, done: Pass) -> None:
        realm, now = done.realm, self.clock.now
        self.line.succeed(done.job, now)
        self.notes.ended(done, now, in_vain=False)
        self.notes.live(realm, done.edits, now)
        del realm.edits[: len(done.edits)]
        realm.paid = realm.failures = 0
        realm.generation += 1
        self._tell(JobState.SUCCEEDED, done.job.id)

    def settle(self, done: Pass, outcome: Outcome) -> None:
        """End a claim that came to nothing, by the engine's table."""
        job, now = done.job, self.clock.now
        spread = self._rules.spread(outcome, self.chance)
        decided = self.line.settle(job, outcome, now, spread=spread)
        self.notes.ended(done, now, in_vain=True)
        self._tell(decided.state, job.id)
        if decided.state is JobState.FAILED:
            done.realm.failures, done.realm.failed_at = done.realm.failures + 1, now
            self._compare_later(done.realm)
        elif decided.delay_seconds:
            self.notes.put_off(job)
            self.clock.at(job.due + DUE_SECONDS, self._all_look)
