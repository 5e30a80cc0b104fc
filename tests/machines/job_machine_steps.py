"""What the rules of the machine are made of: its processes, their statements, its checks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis.stateful import RuleBasedStateMachine
from job_machine_laboratory import Fault, Laboratory, Told
from job_machine_model import (
    LEASE,
    MAX_ATTEMPTS,
    MISSING,
    STALL,
    Asked,
    Job,
    Model,
    Realm,
    Worker,
)

from engine.index import live
from engine.index.database import Connection
from engine.index.sql import query as index_query
from engine.jobs import (
    SUCCESS,
    Backoff,
    Claim,
    LossReason,
    Lost,
    store,
)
from engine.jobs.rows import LostJob
from engine.jobs.sql import query
from engine.jobs.state import Outcome, Settlement, settlement
from engine.jobs.store import Reach

T = TypeVar("T")

KINDS = ("folder", "git")
NAMES = {"a": "folder", "b": "folder", "c": "git"}
WORKERS = 3


@dataclass(slots=True)
class Process:
    """A worker as itself knows it. A claim is held until its end is known to be written."""

    worker: Worker
    who: str
    held: dict[UUID, Claim] = field(default_factory=dict)
    passes: dict[UUID, UUID] = field(default_factory=dict)

    def forget(self, token: UUID) -> None:
        self.held.pop(token, None)
        self.passes.pop(token, None)


class JobSteps(RuleBasedStateMachine):
    """The state of a run, and how its statements are made and their answers judged."""

    def __init__(self, laboratory: Laboratory) -> None:
        super().__init__()
        self.tally = laboratory.tally
        self.laboratory = laboratory
        self.model = Model()
        self.processes: list[Process] = []
        self.looks: list[LostJob] = []
        self.open: list[tuple[Asked, int]] = []
        self.checked = 0
        # Every pass that ever began, with the claim that it began under.
        self.begun: list[tuple[Claim, UUID]] = []

    def _do(
        self,
        who: str,
        act: Callable[[Connection], Awaitable[T]],
        fault: Fault = Fault.NONE,
        *,
        may_wait: bool = False,
    ) -> Told[T]:
        """Few statements may have to wait for the open transaction."""
        self.model.step += 1
        told = self.laboratory.do(who, act, fault)
        assert may_wait or not told.blocked
        self.tally["statements"] += 1
        self.tally[f"fault: {fault}"] += 1
        self.tally["blocked"] += told.blocked
        return told

    async def _enqueue(self, session: Connection, asked: list[Asked]) -> list[store.Enqueued]:
        one = asked[0] if asked else Asked(0, None, self.model.now, False, 0)
        return await store.enqueue(
            session,
            [each.realm for each in asked],
            max_attempts=MAX_ATTEMPTS,
            from_scratch=one.from_scratch,
            priority=one.priority,
            delay_seconds=one.due - self.model.now,
        )

    def _matched(
        self, asked: list[Asked], told: Told[list[store.Enqueued]]
    ) -> list[tuple[Asked, int]]:
        """Each request with its job: the one it was to join, or a new one."""
        if not told.happened:
            return []
        answers = {each.realm_id: each for each in told.result or ()}
        assert answers.keys() == {each.realm for each in asked}
        for each in asked:
            answer = answers[each.realm]
            assert answer.joined == (each.joined is not None)
            if each.joined:
                assert answer.job_id == each.joined.id
                assert each.joined.state == "pending", "it had begun when it was asked for"
            else:
                assert answer.job_id not in self.model.jobs
        return [(each, answers[each.realm].job_id) for each in asked]

    def _claim(self, process: Process, reach: Reach, limit: int, fault: Fault) -> list[Claim]:
        line = self.laboratory.rows("SELECT id FROM jobs ORDER BY rank, id")
        may = self.model.claimable(reach.kinds, reach.only)
        first = [row["id"] for row in line if row["id"] in may][:limit]
        told = self._do(
            process.who,
            lambda each: store.claim(
                each, process.worker.id, reach, lease_seconds=LEASE, limit=limit
            ),
            fault,
        )
        if not told.happened:
            return []
        assert told.result is not None
        claims = {each.job_id: each for each in told.result.claims}
        assert sorted(claims) == sorted(first), "what is due and free is there to be claimed"
        if len(claims) < limit:
            due = self.model.next_due()
            assert told.result.next_due_seconds == (due and round(due - self.model.now, 3))
        for claim in claims.values():
            job = self.model.claimed(claim.job_id, claim.token, process.worker.id)
            assert (claim.attempt, claim.claims) == (job.attempt, job.claims)
            assert claim.from_scratch == job.from_scratch
            if told.known:
                process.held[claim.token] = claim
        self.tally["claims"] += len(claims)
        return list(claims.values())

    def _begin_pass(self, process: Process, claim: Claim, fault: Fault) -> None:
        token = uuid4()
        begun = (index_query("begin_pass"), claim.realm_id, token, claim.job_id, claim.token)
        told = self._do(process.who, lambda each: each.fetchval(*begun), fault)
        if not told.happened:
            return
        is_live = self.model.running(claim.token) is not None
        assert (told.result is not None) == is_live
        if is_live:
            self.model.realms[claim.realm_id].pass_token = token
            process.passes[claim.token] = token
            self.begun.append((claim, token))

    def _take(self, lost: LostJob, fault: Fault) -> None:
        decided = decided_by(Lost(LossReason(lost.reason)), lost)
        told = self._do(
            "sweeper", lambda each: store.settle(each, lost.job_id, lost.token, decided), fault
        )
        if told.happened:
            assert told.result == self.model.settled(lost.token, "lost")
            self.tally["taken"] += told.result is not None

    def _settle_well(self, process: Process, claim: Claim) -> None:
        told = self._do(
            process.who, lambda each: store.settle(each, claim.job_id, claim.token, SUCCESS)
        )
        assert told.result == self.model.settled(claim.token, "success")
        process.forget(claim.token)

    def _may_write(self, claim: Claim, token: UUID | None) -> bool:
        realm = self.model.realms.get(claim.realm_id)
        is_live = self.model.running(claim.token) is not None
        return is_live and realm is not None and token is not None and realm.pass_token == token

    def _any_job(self, pick: int) -> Job:
        """Mostly one that has not ended."""
        jobs = sorted(self.model.jobs.values(), key=lambda job: (not job.is_live, -job.id))
        return jobs[pick % len(jobs)]

    @property
    def held(self) -> list[tuple[Process, Claim]]:
        """What processes believe to be theirs."""
        return [(each, claim) for each in self.processes for claim in each.held.values()]

    def _held(self, pick: int) -> tuple[Process, Claim]:
        """First those that are over, of which their process does not know."""
        held = sorted(self.held, key=lambda each: self.model.running(each[1].token) is not None)
        return held[pick % len(held)]

    def _ids(self, names: list[str]) -> list[int]:
        return [realm.id for realm in self.model.realms.values() if realm.name in names]

    def _add_realm(self, name: str) -> None:
        async def act(session: Connection) -> int:
            await live.insert_realm(session, name, {"kind": NAMES[name]})
            row = await live.find_realm(session, name)
            assert row is not None
            return row.id

        realm = self._do("caller", act).result
        assert realm is not None
        self.model.realms[realm] = Realm(realm, name, NAMES[name])

    def _process(self, slot: int) -> Process:
        me = uuid4()
        insert = (query("insert_worker"), me, True, "host", 1, "")
        number = self._do("heart", lambda each: each.fetchval(*insert)).result
        assert number is not None
        worker = self.model.workers[me] = Worker(me, number)
        self._lock(worker)
        return Process(worker, f"worker {slot}")

    def _lock(self, worker: Worker) -> None:
        lock = query("lock_worker")
        assert self.laboratory.portal.call(
            self.laboratory.hold_lock, worker.id, lock, worker.number
        )
        worker.locked = True

    def _advance(self, seconds: float) -> None:
        self.model.now = round(self.model.now + seconds, 3)
        self.laboratory.portal.call(self.laboratory.set_now, self.model.now)


def is_blocked(told: Told[Any], expected: bool, fault: Fault) -> bool:
    """Whether the open transaction was in the way, which it must be if it is expected."""
    assert told.blocked == (expected and fault is not Fault.BEFORE)
    return told.blocked


def decided_by(outcome: Outcome, claim: Claim | LostJob) -> Settlement:
    return settlement(
        outcome,
        attempt=claim.attempt,
        max_attempts=claim.max_attempts,
        claims=claim.claims,
        backoff=Backoff(),
        spread=0.0,
    )


async def swap(session: Connection, claim: Claim, token: UUID | None) -> bool:
    """The realm first, the job at the end, all or nothing; whether all."""
    async with session.transaction():
        mine = (claim.realm_id, token)
        if await session.fetchval(index_query("fence_for_swap"), *mine) is None:
            return False
        # One connection and one realm: nothing is half done if this is refused.
        return await store.settle(session, claim.job_id, claim.token, SUCCESS) is not None


async def look(session: Connection, me: UUID) -> tuple[list[LostJob], int]:
    busy = await store.watch_workers(session, me)
    seen = await store.lost_jobs(
        session, stall_seconds=STALL, missing_seconds=MISSING, lease_seconds=LEASE
    )
    return seen, busy
