"""The jobs of the simulated fleet, as their table has them. Decides by the engine's own rules.

The heaps are what the indexes are to the statements: they find, `turns` and `settlement` decide.
"""

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from engine.jobs.state import Backoff, JobState, Outcome, Settlement, settlement
from engine.jobs.turns import may_begin, rank_of, rank_of_joined

MAX_ATTEMPTS: Final = 3
BACKOFF: Final = Backoff()


@dataclass(slots=True, eq=False)
class Job:
    id: int
    realm: int
    tenant: str
    rank: float
    due: float
    asked_at: float
    priority: int = 0
    state: JobState = JobState.PENDING
    attempt: int = 0
    claims: int = 0

    @property
    def is_begun(self) -> bool:
        waits_again = self.state is JobState.PENDING and self.claims > 0
        return waits_again or self.state is JobState.RUNNING


class JobLine:
    """`jobs` has those that have not ended; `ended` counts the others by how."""

    def __init__(self, *, max_attempts: int = MAX_ATTEMPTS, backoff: Backoff = BACKOFF) -> None:
        self.max_attempts = max_attempts
        self.jobs: dict[int, Job] = {}
        self.untouched: dict[int, Job] = {}
        self.begun: dict[int, Job] = {}
        self.requests = self.joined = self.created = 0
        self.ended: Counter[str] = Counter()
        self._backoff = backoff
        self._ready: list[tuple[float, int, Job]] = []
        self._later: list[tuple[float, int, Job]] = []
        self._behind: dict[int, Job] = {}
        self._of_tenant: defaultdict[tuple[str, int], list[tuple[float, int, Job]]] = defaultdict(
            list
        )

    def ask(
        self, realm: int, tenant: str, now: float, *, priority: int = 0, delay_seconds: float = 0.0
    ) -> Job:
        """A request for a pass: joins the job that waits, or adds one."""
        self.requests += 1
        known = self.untouched.get(realm) or self.begun.get(realm)
        if known is not None and known.state is JobState.PENDING:
            self.joined += 1
            return self._join(known, now, priority, now + delay_seconds)
        self.created += 1
        due = now + delay_seconds
        last = self._last_of(tenant, priority, due) if tenant else None
        rank = rank_of(now, priority=priority, delay_seconds=delay_seconds, last=last)
        job = Job(self.created, realm, tenant, rank, due, now, priority)
        self.jobs[job.id] = self.untouched[realm] = job
        self._put(job, now)
        return job

    def claim(self, now: float, *, limit: int) -> list[Job]:
        """Take up to `limit` jobs, the first in line first."""
        self._let_in(now)
        taken: list[Job] = []
        while self._ready and len(taken) < limit:
            rank, _, job = heapq.heappop(self._ready)
            if job.state is not JobState.PENDING or job.rank != rank:
                continue
            if self.may_begin(job, now):
                taken.append(self._taken(job))
            elif job.due > now:
                heapq.heappush(self._later, (job.due, job.id, job))
            else:
                self._behind[job.realm] = job
        return taken

    def may_begin(self, job: Job, now: float) -> bool:
        return may_begin(
            due=job.due,
            now=now,
            attempt=job.attempt,
            max_attempts=self.max_attempts,
            claims=job.claims,
            is_realm_begun=job.realm in self.begun,
        )

    def succeed(self, job: Job, now: float) -> None:
        self._end(job, JobState.SUCCEEDED, "succeeded", now)

    def settle(self, job: Job, outcome: Outcome, now: float, *, spread: float) -> Settlement:
        """End a claim by the engine's table."""
        decided = settlement(
            outcome,
            attempt=job.attempt,
            max_attempts=self.max_attempts,
            claims=job.claims,
            backoff=self._backoff,
            spread=spread,
        )
        if not decided.charged:
            job.attempt -= 1
        if decided.state is not JobState.PENDING:
            self._end(job, decided.state, decided.outcome, now)
            return decided
        self.ended[f"again: {decided.outcome}"] += 1
        job.state, job.due = JobState.PENDING, now + decided.delay_seconds
        job.rank = min(job.rank, now)
        self._put(job, now)
        return decided

    def waiting(self) -> int:
        return sum(job.state is JobState.PENDING for job in self.jobs.values())

    def _join(self, job: Job, now: float, priority: int, due: float) -> Job:
        sooner = 0.0 if job.claims else max(job.due - due, 0.0)
        job.rank = rank_of_joined(job.rank, points=priority - job.priority, sooner_seconds=sooner)
        job.priority = max(job.priority, priority)
        job.due -= sooner
        self._put(job, now)
        return job

    def _put(self, job: Job, now: float) -> None:
        if job.due > now:
            heapq.heappush(self._later, (job.due, job.id, job))
        else:
            heapq.heappush(self._ready, (job.rank, job.id, job))
        if job.tenant:
            heapq.heappush(self._of_tenant[job.tenant, job.priority], (-job.rank, job.id, job))

    def _let_in(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, job = heapq.heappop(self._later)
            if job.state is JobState.PENDING and job.due <= now:
                heapq.heappush(self._ready, (job.rank, job.id, job))

    def _taken(self, job: Job) -> Job:
        self.untouched.pop(job.realm, None) if not job.claims else None
        job.state, job.attempt, job.claims = JobState.RUNNING, job.attempt + 1, job.claims + 1
        self.begun[job.realm] = job
        return job

    def _end(self, job: Job, state: JobState, outcome: str, now: float) -> None:
        job.state = state
        self.ended[outcome] += 1
        del self.jobs[job.id], self.begun[job.realm]
        follower = self._behind.pop(job.realm, None)
        if follower is not None:
            self._put(follower, now)

    def _last_of(self, tenant: str, priority: int, due: float) -> float | None:
        """The highest rank of those that wait, are as wanted, and due by then."""
        heap = self._of_tenant[tenant, priority]
        put_off: list[tuple[float, int, Job]] = []
        found: float | None = None
        while heap and found is None:
            rank, _, job = heap[0]
            if job.state is not JobState.PENDING or -rank != job.rank or job.priority != priority:
                heapq.heappop(heap)
            elif job.due > due:
                put_off.append(heapq.heappop(heap))
            else:
                found = -rank
        for each in put_off:
            heapq.heappush(heap, each)
        return found
