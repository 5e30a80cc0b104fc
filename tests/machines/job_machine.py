"""Several workers, callers and sweepers on one queue, with faults in every statement."""

from collections import Counter
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from job_machine_laboratory import Fault
from job_machine_model import LEASE, MAX_ATTEMPTS, MISSING, STALL, Job
from job_machine_rows import BROKEN_RULES, actual, expected
from job_machine_steps import (
    KINDS,
    NAMES,
    WORKERS,
    JobSteps,
    decided_by,
    is_blocked,
    look,
    swap,
)

from engine.index import live
from engine.index.database import Connection
from engine.index.sql import query as index_query
from engine.jobs import (
    Failure,
    FailureKind,
    JobState,
    store,
)
from engine.jobs.sql import query
from engine.jobs.state import Failed, Outcome, Released, Settlement
from engine.jobs.store import Beat, Reach
from engine.report import Progress

ASKED_PAUSE = 42.0

# Every pause and every lease is over in each, so that a few are enough for any job.
ROUNDS = 2 * MAX_ATTEMPTS + 2

OUTCOMES: dict[str, Outcome] = {
    "released": Released(),
    "gone": Failed(Failure(FailureKind.GONE, "gone")),
    "permanent": Failed(Failure(FailureKind.PERMANENT, "permanent")),
    "transient": Failed(Failure(FailureKind.TRANSIENT, "transient")),
    "throttled": Failed(Failure(FailureKind.THROTTLED, "throttled")),
    "throttled for": Failed(Failure(FailureKind.THROTTLED, "throttled", ASKED_PAUSE)),
}
WRONG = Settlement(JobState.PENDING, "retry", delay_seconds=1.0, error="wrong")

faults = st.sampled_from([Fault.NONE] * 8 + [Fault.BEFORE, Fault.AFTER])
slots = st.integers(0, WORKERS - 1)
picks = st.integers(0, 30)
names = st.lists(st.sampled_from(sorted(NAMES)), min_size=1, max_size=3, unique=True)
priorities = st.sampled_from([0, 0, 0, -3, 7])
delays = st.sampled_from([0.0, 0.0, 0.0, 10.0, LEASE])
pauses = st.sampled_from(
    [0.3, MISSING, 1.0, 5.0, 50.0, LEASE / 3, LEASE / 3, LEASE - 1, LEASE + 1, STALL + 1]
)


class JobMachine(JobSteps):
    """Each rule is one statement, or one transaction, of one process."""

    @initialize()
    def begin(self) -> None:
        self.laboratory.reset()
        for name in sorted(NAMES):
            self._add_realm(name)
        self.processes = [self._process(slot) for slot in range(WORKERS)]
        self.enqueue(sorted(NAMES), False, 0, 0.0, Fault.NONE)
        self.claim(0, 1, KINDS, None, Fault.NONE)

    # What callers do.

    @rule(names=names, from_scratch=st.booleans(), priority=priorities, delay=delays, fault=faults)
    def enqueue(
        self, names: list[str], from_scratch: bool, priority: int, delay: float, fault: Fault
    ) -> None:
        asked = self.model.ask(
            self._ids(names), from_scratch=from_scratch, priority=priority, delay=delay
        )
        told = self._do("caller", lambda each: self._enqueue(each, asked), fault, may_wait=True)
        if not is_blocked(told, any(map(self.model.blocks_request, asked)), fault):
            for each, job_id in self._matched(asked, told):
                self.model.committed(each, job_id)

    @precondition(lambda self: self.laboratory.caller is None)
    @rule(
        names=names,
        from_scratch=st.booleans(),
        priority=priorities,
        delay=delays,
        claims=st.booleans(),
    )
    def enqueue_in_a_transaction(
        self, names: list[str], from_scratch: bool, priority: int, delay: float, claims: bool
    ) -> None:
        """It stays open until another rule ends it; somebody may look for work right then."""
        asked = self.model.ask(
            self._ids(names), from_scratch=from_scratch, priority=priority, delay=delay
        )

        async def act(_: Connection) -> list[store.Enqueued]:
            session = self.laboratory.caller = await self.laboratory.connect()
            await session.execute("BEGIN")
            return await self._enqueue(session, asked)

        self.open = self._matched(asked, self._do("caller", act))
        self.model.open = tuple(asked)
        if claims:
            self._claim(self.processes[0], Reach(KINDS), 3, Fault.NONE)

    @precondition(lambda self: self.laboratory.caller is not None)
    @rule(end=st.sampled_from(["COMMIT", "ROLLBACK", "cut"]))
    def end_the_transaction(self, end: str) -> None:
        session, self.laboratory.caller = self.laboratory.caller, None
        assert session is not None

        async def act(_: Connection) -> None:
            if end != "cut":
                await session.execute("ROLLBACK" if end == "ROLLBACK" else "COMMIT")
            await self.laboratory.cut(session)

        self._do("ender", act)
        self.model.open = ()
        if end == "COMMIT":
            for each, job_id in self.open:
                self.model.committed(each, job_id)

    @precondition(lambda self: self.model.jobs)
    @rule(pick=picks, hurry=st.booleans(), fault=faults)
    def interfere(self, pick: int, hurry: bool, fault: Fault) -> None:
        job = self._any_job(pick)
        if hurry:
            self._hurry(job, fault)
        else:
            self._cancel(job, fault)

    def _cancel(self, job: Job, fault: Fault) -> None:
        told = self._do("caller", partial(store.cancel, job_id=job.id), fault, may_wait=True)
        if not is_blocked(told, self.model.is_locked(job), fault) and told.happened:
            assert told.result == job.is_live
            if job.is_live:
                self.model.cancelled(job)

    def _hurry(self, job: Job, fault: Fault) -> None:
        told = self._do("caller", partial(store.hurry, job_id=job.id), fault, may_wait=True)
        if not is_blocked(told, self.model.is_locked(job), fault) and told.happened:
            assert told.result == (job.state == "pending")
            if job.state == "pending":
                self.model.hurried(job)

    @rule(
        what=st.sampled_from(["pause", "resume", "delete", "prune", "forget"]),
        pick=picks,
        fault=faults,
    )
    def attend(self, what: str, pick: int, fault: Fault) -> None:
        """What is done now and then, by people and by the clock."""
        if what in ("prune", "forget"):
            self._prune(LEASE if what == "prune" else 0.0, fault)
        else:
            self._change_realm(what, sorted(NAMES)[pick % len(NAMES)], fault)

    def _prune(self, older_than: float, fault: Fault) -> None:
        told = self._do("caller", partial(store.prune, older_than_seconds=older_than), fault)
        if told.happened:
            assert told.result == self.model.pruned(older_than)

    def _change_realm(self, what: str, name: str, fault: Fault) -> None:
        """One that is not there is added, whatever was to be done with it."""
        realms = self._ids([name])
        if not realms:
            self._add_realm(name)
        elif what == "delete":
            self._delete(realms[0], fault)
        else:
            self._pause(realms[0], fault, paused=what == "pause")

    def _delete(self, realm: int, fault: Fault) -> None:
        told = self._do("caller", partial(live.delete_realm, realm_id=realm), fault, may_wait=True)
        blocked = self.model.blocks_deletion(realm)
        if not is_blocked(told, blocked, fault) and told.happened:
            self.model.deleted(realm)

    def _pause(self, realm: int, fault: Fault, *, paused: bool) -> None:
        told = self._do("caller", partial(store.set_paused, realm_id=realm, paused=paused), fault)
        if told.happened:
            self.model.realms[realm].paused = paused

    # What workers do.

    @rule(
        slot=slots,
        limit=st.integers(1, 4),
        kinds=st.sampled_from([KINDS, KINDS, ("folder",)]),
        only=st.sampled_from([None, None, None, ("a", "c")]),
        fault=faults,
    )
    def claim(
        self,
        slot: int,
        limit: int,
        kinds: tuple[str, ...],
        only: tuple[str, ...] | None,
        fault: Fault,
    ) -> None:
        self._claim(self.processes[slot], Reach(kinds, only=only), limit, fault)

    @rule(slot=slots, moved=st.booleans(), fault=faults)
    def beat(self, slot: int, moved: bool, fault: Fault) -> None:
        process = self.processes[slot]
        tokens = list(process.held)
        beats = [Beat(process.held[t].job_id, t, Progress(), moved) for t in tokens]
        told = self._do(
            process.who, lambda each: store.beat(each, beats, lease_seconds=LEASE), fault
        )
        if not told.happened:
            return
        kept = {token for token in tokens if self.model.beaten(token, moved=moved)}
        assert told.result == kept
        if told.known:
            for token in set(tokens) - kept:
                process.forget(token)

    @precondition(lambda self: self.held)
    @rule(
        pick=picks,
        outcome=st.sampled_from([*OUTCOMES, "wrong"]),
        fault=faults,
        then=st.sampled_from(["nothing", "nothing", "ask", "hurry"]),
    )
    def settle(self, pick: int, outcome: str, fault: Fault, then: str) -> None:
        """Somebody may ask for the realm again, or for the job to be hurried, right then."""
        process, claim = self._held(pick)
        decided = WRONG if outcome == "wrong" else decided_by(OUTCOMES[outcome], claim)
        act = partial(store.settle, job_id=claim.job_id, token=claim.token, settlement=decided)
        told = self._do(process.who, act, fault)
        if told.happened:
            assert told.result == self.model.settled(claim.token, outcome, asked=ASKED_PAUSE)
        if told.known:
            process.forget(claim.token)
        realm, job = self.model.realms.get(claim.realm_id), self.model.jobs.get(claim.job_id)
        if then == "ask" and realm:
            self.enqueue([realm.name], False, 0, 0.0, Fault.NONE)
        elif then == "hurry" and job:
            self._hurry(job, Fault.NONE)

    @precondition(lambda self: self.held)
    @rule(pick=picks, fault=faults)
    def begin_pass(self, pick: int, fault: Fault) -> None:
        self._begin_pass(*self._held(pick), fault)

    @precondition(lambda self: self.begun)
    @rule(pick=picks)
    def write(self, pick: int) -> None:
        """However late: it is let through as long as the claim and the pass are the last ones."""
        claim, token = self.begun[-1 - pick % len(self.begun)]
        fence = (index_query("fence"), claim.realm_id, token, claim.job_id, claim.token)
        told = self._do("writer", lambda each: each.fetchval(*fence))
        assert (told.result is not None) == self._may_write(claim, token)

    @precondition(lambda self: self.held)
    @rule(pick=picks, fault=faults)
    def swap(self, pick: int, fault: Fault) -> None:
        process, claim = self._held(pick)
        token = process.passes.get(claim.token)
        told = self._do(process.who, partial(swap, claim=claim, token=token), fault)
        if told.happened:
            assert told.result == self._may_write(claim, token)
            if told.result:
                self.model.settled(claim.token, "success")
        if told.known:
            # One that may not swap fails as stale, which settles nothing.
            process.forget(claim.token)

    @rule(slot=slots, fate=st.sampled_from(["cut off", "back", "dead"]))
    def meet(self, slot: int, fate: str) -> None:
        """Cut off, its lock is free and it goes on; dead, another one takes its place."""
        worker = self.processes[slot].worker
        if fate == "back" and not worker.locked:
            beat = (query("beat_worker"), worker.id, True)
            assert self._do("heart", lambda each: each.fetchval(*beat)).result == worker.number
            worker.missing_since = None
            self._lock(worker)
        elif fate != "back" and worker.locked:
            self.laboratory.portal.call(self.laboratory.free_lock, worker.id)
            worker.locked = False
        if fate == "dead":
            self.processes[slot] = self._process(slot)

    @rule(seconds=pauses, beating=st.booleans())
    def advance(self, seconds: float, beating: bool) -> None:
        """Time goes on; mostly hearts beat meanwhile, as often as they should."""
        while beating and seconds > LEASE / 3:
            self._advance(LEASE / 3)
            seconds -= LEASE / 3
            for slot in range(WORKERS):
                self.beat(slot, True, Fault.NONE)
        self._advance(seconds)

    # What sweepers do.

    @rule(slot=slots, fault=faults)
    def look(self, slot: int, fault: Fault) -> None:
        """What is seen may be acted on at once, much later, twice, or never."""
        me = self.processes[slot].worker.id
        told = self._do("sweeper", partial(look, me=me), fault)
        if told.happened:
            others = self.model.watched(me)
            assert told.result is not None
            seen, busy = told.result
            assert {each.token: str(each.reason) for each in seen} == self.model.lost()
            assert busy == others
            if told.known:
                self.looks.extend(seen)

    @precondition(lambda self: bool(self.looks))
    @rule(pick=picks, fault=faults)
    def take(self, pick: int, fault: Fault) -> None:
        self._take(self.looks[pick % len(self.looks)], fault)

    @rule(slot=slots, seconds=st.sampled_from([0.0, LEASE + 1, LEASE + 1]))
    def take_over(self, slot: int, seconds: float) -> None:
        """Everybody sleeps but one, who takes what it can; the others find out later."""
        self._advance(seconds)
        self.look(slot, Fault.NONE)
        for lost in self.looks:
            self._take(lost, Fault.NONE)
        process = self.processes[slot]
        for claim in self._claim(process, Reach(KINDS), 3, Fault.NONE)[:1]:
            self._begin_pass(process, claim, Fault.NONE)

    # What must be true whatever happened.

    @invariant()
    def all_is_well(self) -> None:
        if self.checked == self.model.step:
            return
        self.checked = self.model.step
        rows = self.laboratory.rows("SELECT * FROM jobs")
        seconds = self.laboratory.seconds
        assert {row["id"]: actual(row, seconds) for row in rows} == {
            job.id: expected(job) for job in self.model.jobs.values()
        }
        self.model.check_requests()
        lines = self.laboratory.rows("SELECT token, job_id, outcome FROM attempts")
        assert Counter((line["token"], line["job_id"], line["outcome"]) for line in lines) == (
            Counter((token, *ended) for token, ended in self.model.ended.items())
        )
        # Asked of the database without the model.
        broken = self.laboratory.rows(BROKEN_RULES)
        assert not broken, [dict(row) for row in broken]

    def teardown(self) -> None:
        """Whatever happened, with workers and time every job comes to its end."""
        if self.checked != self.model.step:
            return  # A step has failed, and what it left is no state to go on from.
        self.tally["examples"] += 1
        if self.laboratory.caller is not None:
            self.end_the_transaction("COMMIT")
        for realm in self.model.realms:
            self._pause(realm, Fault.NONE, paused=False)
        process = self._process(WORKERS)
        self.processes.append(process)
        for _ in range(ROUNDS):
            if not any(job.is_live for job in self.model.jobs.values()):
                return
            self._advance(LEASE + 1)
            self.looks = []
            self.look(WORKERS, Fault.NONE)
            for lost in self.looks:
                self._take(lost, Fault.NONE)
            self._claim(process, Reach(KINDS), 10, Fault.NONE)
            for claim in list(process.held.values()):
                self._settle_well(process, claim)
            self.all_is_well()
        raise AssertionError(f"these never end: {self.model.jobs}")
