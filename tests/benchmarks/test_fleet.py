"""Whatever happens in a day of a simulated fleet, each edit is indexed in the end."""

from dataclasses import asdict, dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fleet_day import Burst, Day, Faults
from benchmarks.fleet_faults import Mishaps
from benchmarks.fleet_figures import figures_of
from benchmarks.fleet_hosts import Fleet
from benchmarks.fleet_line import MAX_ATTEMPTS, Job, JobLine
from benchmarks.fleet_provider import Phase, Terms
from benchmarks.fleet_rules import AT_ONCE, ENGINE, Rules
from engine.jobs.eagerness import MOST_PAUSE_SECONDS

HOUR = 3_600.0
# A realm whose jobs failed is left in peace for up to a day.
LONG_AFTER = HOUR + 4 * 24 * HOUR

few = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 10_000)
rules = st.sampled_from([ENGINE, AT_ONCE])

hours = st.builds(
    Day,
    seconds=st.just(HOUR),
    realms=st.integers(1, 25),
    tenants=st.integers(1, 4),
    has_turns=st.booleans(),
    edits_of_realm=st.sampled_from([24.0, 100.0]),
    hosts=st.integers(1, 3),
    slots=st.integers(1, 2),
    bursts=st.lists(st.builds(Burst, at=st.floats(0, HOUR), realms=st.integers(1, 25)), max_size=2),
)
phases = st.builds(
    Phase,
    start=st.floats(0, HOUR),
    end=st.floats(0, HOUR),
    is_down=st.booleans(),
    times=st.sampled_from([1.0, 100.0]),
    calls_per_second=st.sampled_from([None, 0.1]),
)
bad_hours = st.builds(
    replace,
    hours,
    provider=st.builds(
        Terms,
        retry_after_seconds=st.sampled_from([None, 1, 60]),
        phases=st.lists(phases, max_size=2),
    ),
    faults=st.builds(
        Faults,
        deaths=st.integers(0, 10),
        cuts=st.integers(0, 3),
        cut_seconds=st.sampled_from([60.0, 900.0]),
        deploys=st.lists(st.floats(0, HOUR), max_size=2),
    ),
)


class WatchedLine(JobLine):
    """Looks at each claim as it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.running: dict[int, float] = {}
        self.longest = 0.0

    def claim(self, now: float, *, limit: int) -> list[Job]:
        free = [job for job in self.jobs.values() if job.state == "pending"]
        free = [job for job in free if self.may_begin(job, now)]
        expected = sorted(free, key=lambda job: (job.rank, job.id))[:limit]
        taken = super().claim(now, limit=limit)
        assert taken == expected
        for job in taken:
            assert job.realm not in self.running, "two passes over one realm"
            assert job.attempt <= MAX_ATTEMPTS
            self.running[job.realm] = now
        return taken

    def succeed(self, job: Job, now: float) -> None:
        self.longest = max(self.longest, now - self.running.pop(job.realm))
        super().succeed(job, now)

    def settle(self, job, outcome, now, *, spread):  # type: ignore[no-untyped-def]
        del self.running[job.realm]
        return super().settle(job, outcome, now, spread=spread)


def simulated(
    day: Day, seed: int, rules: Rules = ENGINE, *, until: float = LONG_AFTER, watched: bool = True
) -> Fleet:
    fleet = Fleet(day, seed=seed, rules=rules)
    fleet.line = WatchedLine() if watched else fleet.line
    Mishaps(fleet)
    fleet.clock.run(until)
    return fleet


@few
@given(bad_hours, seeds, rules)
def test_each_edit_is_indexed_in_the_end_and_no_job_is_lost(
    day: Day, seed: int, rules: Rules
) -> None:
    """Also: a realm has one pass at most, and no job more attempts than it may have."""
    fleet = simulated(day, seed, rules)
    assert [realm.id for realm in fleet.realms if realm.edits] == []
    line = fleet.line
    assert not line.jobs
    ends = sum(count for word, count in line.ended.items() if not word.startswith("again"))
    assert line.requests == line.joined + line.created
    assert line.created == ends


@few
@given(bad_hours, seeds, rules, st.floats(0, HOUR))
def test_at_any_moment_what_was_asked_for_has_ended_waits_or_runs(
    day: Day, seed: int, rules: Rules, until: float
) -> None:
    line = simulated(day, seed, rules, until=until).line
    ends = sum(count for word, count in line.ended.items() if not word.startswith("again"))
    assert line.created == ends + len(line.jobs)
    waiting = {job.realm for job in line.jobs.values() if not job.is_begun}
    begun = {job.realm for job in line.jobs.values() if job.is_begun}
    assert len(line.jobs) == len(waiting) + len(begun)


@dataclass(slots=True)
class Watch:
    """For each job what was ahead of it when its turn had come, and when it began."""

    fleet: Fleet
    ahead: dict[int, int] = field(default_factory=dict)
    began: dict[int, tuple[Job, float]] = field(default_factory=dict)

    def turn_of(self, job: Job) -> None:
        if job.id in self.fleet.line.jobs and not job.is_begun:
            self.ahead[job.id] = sum(
                (other.rank, other.id) < (job.rank, job.id)
                for other in self.fleet.line.jobs.values()
            )


class TimedLine(WatchedLine):
    """Tells `watch` of each job that is made and begun."""

    watch: Watch

    def ask(self, *arguments, **options) -> Job:  # type: ignore[no-untyped-def]
        known = self.created
        job = super().ask(*arguments, **options)
        if self.created > known:
            clock = self.watch.fleet.clock
            clock.at(max(clock.now, job.rank), self.watch.turn_of, job)
        return job

    def claim(self, now: float, *, limit: int) -> list[Job]:
        taken = super().claim(now, limit=limit)
        self.watch.began.update((job.id, (job, now)) for job in taken)
        return taken


# More than one host can do, so that there is a line.
busy = st.builds(
    replace,
    hours,
    seconds=st.just(60.0),
    realms=st.integers(5, 25),
    edits_of_realm=st.just(10_000.0),
    hosts=st.just(1),
    bursts=st.just(()),
)


@settings(few, max_examples=10)
@given(busy, seeds, rules)
def test_nobody_waits_for_longer_than_those_take_that_are_before_his_turn(
    day: Day, seed: int, rules: Rules
) -> None:
    """From the moment that a job's rank says on, nobody who asks comes before it. Those who are
    ahead by then share the slots; the last of them may just have begun, and so may the pass that
    the realm itself waits for."""
    fleet = Fleet(day, seed=seed, rules=rules)
    line = fleet.line = TimedLine()
    watch = line.watch = Watch(fleet)
    fleet.clock.run(HOUR)
    slots = day.hosts * day.slots
    for job, at in watch.began.values():
        turn = max(job.asked_at, job.rank)
        bound = (watch.ahead.get(job.id, 0) / slots + 2) * (line.longest + MOST_PAUSE_SECONDS)
        assert at <= turn + bound + 0.1


@few
@given(bad_hours, seeds, rules)
def test_the_same_seed_makes_the_same_day(day: Day, seed: int, rules: Rules) -> None:
    one, other = (simulated(day, seed, rules, until=2 * HOUR) for _ in range(2))
    assert one.notes.edits == other.notes.edits
    found = [
        asdict(figures_of("", "", each.notes, each.line, behind=0, cpu_seconds=0.0))
        for each in (one, other)
    ]
    assert found[0] == found[1]
    assert one.clock.events == other.clock.events


def test_another_seed_makes_another_day() -> None:
    day = Day(seconds=HOUR, realms=20, edits_of_realm=50.0)
    assert simulated(day, 1).notes.edits != simulated(day, 2).notes.edits


def test_what_the_engine_leaves_to_others_spares_statements_and_delays_nobody() -> None:
    day = Day(seconds=HOUR, realms=200, edits_of_realm=100.0, hosts=20, told=1.0)
    engine, at_once = (simulated(day, 1, each, until=HOUR) for each in (ENGINE, AT_ONCE))
    assert engine.notes.looks.total() < at_once.notes.looks.total() / 10
    assert sorted(engine.notes.waits)[-len(engine.notes.waits) // 20] < 0.1


def test_jobs_that_an_outage_sent_away_do_not_come_back_at_one_instant() -> None:
    down = Phase(start=0.4 * HOUR, end=HOUR, is_down=True)
    day = Day(seconds=HOUR, realms=1_000, edits_of_realm=24.0, provider=Terms(phases=(down,)))
    engine, at_once = (
        simulated(day, 1, each, until=HOUR, watched=False) for each in (ENGINE, AT_ONCE)
    )
    assert max(engine.notes.due.values()) < max(at_once.notes.due.values()) / 5
