"""What must be true of jobs after each step: a few dictionaries and no database.

Time is in seconds since the beginning. The model is told tokens and ids, and which claims
are first in line; all else it knows by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

LEASE = 600.0
STALL = 1_800.0
MISSING = 0.6
MAX_ATTEMPTS = 2

# The pauses between attempts: without chance, the lower end of each octave.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0


@dataclass(slots=True)
class Job:
    """A row of the table, as far as decisions hang on it."""

    id: int
    realm: int | None
    due: float
    from_scratch: bool
    priority: int
    state: str = "pending"
    attempt: int = 0
    claims: int = 0
    renewals: int = 0
    token: UUID | None = None
    worker: UUID | None = None
    lease: float | None = None
    progress: float | None = None
    finished: float | None = None
    # The step in which it was claimed last; requests before it were seen by that claim.
    begun_in: int = -1

    @property
    def is_live(self) -> bool:
        return self.state in ("pending", "running")

    @property
    def is_begun(self) -> bool:
        return self.state == "running" or (self.state == "pending" and self.claims > 0)


@dataclass(slots=True)
class Realm:
    id: int
    name: str
    kind: str
    paused: bool = False
    pass_token: UUID | None = None


@dataclass(slots=True)
class Worker:
    """A row of `workers`. `locked` while some session holds its lock."""

    id: UUID
    number: int
    locked: bool = True
    missing_since: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request comes to for one realm, once it is committed. New without a job."""

    realm: int
    joined: Job | None
    due: float
    from_scratch: bool
    priority: int


@dataclass(slots=True)
class Model:
    now: float = 0.0
    step: int = 0
    jobs: dict[int, Job] = field(default_factory=dict)
    realms: dict[int, Realm] = field(default_factory=dict)
    workers: dict[UUID, Worker] = field(default_factory=dict)
    # The claims that have ended, with their job and the word for how.
    ended: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    # Committed requests: job and step.
    requests: list[tuple[int, int]] = field(default_factory=list)
    # What an open transaction asked for: the jobs that it joined are its own until its end,
    # and nobody sees those that it added.
    open: tuple[Asked, ...] = ()

    def live(self, realm: int) -> list[Job]:
        return [job for job in self.jobs.values() if job.realm == realm and job.is_live]

    def running(self, token: UUID | None) -> Job | None:
        return next((j for j in self.jobs.values() if token and j.token == token), None)

    def ask(
        self, realms: Iterable[int], *, from_scratch: bool, priority: int, delay: float
    ) -> list[Asked]:
        """What a request will come to; nothing changes before it is `committed`."""
        return [
            Asked(realm, self._joinable(realm), self.now + delay, from_scratch, priority)
            for realm in sorted(set(realms) & self.realms.keys())
        ]

    def _joinable(self, realm: int) -> Job | None:
        """The waiting job that nobody has begun, else the one between two attempts."""
        waiting = [job for job in self.live(realm) if job.state == "pending"]
        return min(waiting, key=lambda job: job.claims, default=None)

    def committed(self, asked: Asked, job_id: int) -> None:
        job = asked.joined
        if job is None:
            self.jobs[job_id] = Job(
                job_id, asked.realm, asked.due, asked.from_scratch, asked.priority
            )
        else:
            job.from_scratch |= asked.from_scratch
            job.priority = max(job.priority, asked.priority)
            if not job.claims:
                job.due = min(job.due, asked.due)
        self.requests.append((job_id, self.step))

    def is_locked(self, job: Job) -> bool:
        return any(each.joined is job for each in self.open)

    def blocks_request(self, asked: Asked) -> bool:
        """Whether the open transaction is in its way: it has the job, or adds the same one."""
        if asked.joined is not None:
            return self.is_locked(asked.joined)
        return any(each.realm == asked.realm for each in self.open)

    def blocks_deletion(self, realm: int) -> bool:
        """It refers to the realm, or has a job that would have to be cancelled."""
        return any(
            each.realm == realm and (each.joined is None or each.joined.is_live)
            for each in self.open
        )

    def claimable(self, kinds: Sequence[str], only: Sequence[str] | None) -> set[int]:
        """Waiting jobs that a worker of this reach may begin, in no order."""
        return {
            job.id
            for job in self.jobs.values()
            if job.state == "pending"
            and job.due <= self.now
            and not self.is_locked(job)
            and self._is_open(job, kinds, only)
        }

    def _is_open(self, job: Job, kinds: Sequence[str], only: Sequence[str] | None) -> bool:
        assert job.realm is not None
        realm = self.realms[job.realm]
        reached = realm.kind in kinds and (only is None or realm.name in only)
        is_next = job.claims > 0 or not any(other.is_begun for other in self.live(realm.id))
        return reached and is_next and not realm.paused

    def next_due(self) -> float | None:
        later = [j.due for j in self.jobs.values() if j.state == "pending" and j.due > self.now]
        return min(later, default=None)

    def claimed(self, job_id: int, token: UUID, worker: UUID) -> Job:
        job = self.jobs[job_id]
        assert job.attempt < MAX_ATTEMPTS, f"{job} was tried beyond its limit"
        job.state, job.token, job.worker = "running", token, worker
        job.attempt, job.claims, job.renewals = job.attempt + 1, job.claims + 1, 0
        job.lease, job.progress, job.begun_in = self.now + LEASE, self.now, self.step
        return job

    def beaten(self, token: UUID, *, moved: bool) -> bool:
        """Whether the claim is still there to be renewed."""
        job = self.running(token)
        if job is None:
            return False
        job.lease, job.renewals = self.now + LEASE, job.renewals + 1
        job.progress = self.now if moved else job.progress
        return True

    def settled(self, token: UUID, outcome: str, *, asked: float = 0.0) -> str | None:
        """End a claim by the table; the state of its job, or nothing if it is over already."""
        job = self.running(token)
        if job is None:
            return None
        left = job.attempt < MAX_ATTEMPTS
        again = "pending" if left else "failed"
        state, charged, pause, word = {
            "success": ("succeeded", True, 0.0, "succeeded"),
            "released": ("pending", False, 0.0, "released"),
            "lost": (again, True, 0.0, "lost"),
            "gone": ("cancelled", True, 0.0, "gone"),
            "permanent": ("failed", True, 0.0, "failed"),
            "transient": (again, True, _pause(job.attempt), "retry" if left else "failed"),
            "throttled": ("pending", False, _pause(job.claims), "throttled"),
            "throttled for": ("pending", False, asked, "throttled"),
            # Decided by somebody who knows nothing of the limit.
            "wrong": (again, True, 1.0, "retry"),
        }[outcome]
        self._end(job, state, word)
        job.attempt -= 0 if charged else 1
        if state == "pending":
            job.due, job.finished = self.now + pause, None
        return state

    def _end(self, job: Job, state: str, word: str) -> None:
        if job.token is not None:
            self.ended[job.token] = (job.id, word)
        job.state, job.token, job.lease, job.finished = state, None, None, self.now

    def cancelled(self, job: Job) -> None:
        self._end(job, "cancelled", "cancelled")

    def hurried(self, job: Job) -> None:
        job.due, job.attempt = self.now, 0

    def watched(self, me: UUID) -> int:
        """Note whose lock is free; how many others run something."""
        busy = {job.worker for job in self.jobs.values() if job.state == "running"} - {me}
        for worker in (self.workers[each] for each in busy if each in self.workers):
            if worker.locked:
                worker.missing_since = None
            elif worker.missing_since is None:
                worker.missing_since = self.now
        return len(busy & self.workers.keys())

    def lost(self) -> dict[UUID, str]:
        """The claims that are to be taken away, and why."""
        reasons = ((job.token, self._reason(job)) for job in self.jobs.values() if job.token)
        return {token: reason for token, reason in reasons if token and reason}

    def _reason(self, job: Job) -> str | None:
        assert job.lease is not None
        assert job.progress is not None
        assert job.worker is not None
        worker = self.workers.get(job.worker)
        missing_since = worker.missing_since if worker else float("-inf")
        if job.lease < self.now:
            return "lease"
        if missing_since is not None and missing_since <= self.now - MISSING:
            return "dead"
        return "stalled" if job.progress < self.now - STALL else None

    def deleted(self, realm: int) -> None:
        for job in self.live(realm):
            self.cancelled(job)
        for job in self.jobs.values():
            if job.realm == realm:
                job.realm = None
        del self.realms[realm]

    def pruned(self, older_than: float) -> int:
        latest: dict[int | None, int] = {}
        for job in self.jobs.values():
            latest[job.realm] = max(latest.get(job.realm, 0), job.id)
        old = [
            job.id
            for job in self.jobs.values()
            if job.finished is not None
            and job.finished < self.now - older_than
            and (job.realm is None or job.id != latest[job.realm])
        ]
        for job_id in old:
            self.check_requests_of(self.jobs.pop(job_id))
        self.requests = [each for each in self.requests if each[0] in self.jobs]
        self.ended = {t: each for t, each in self.ended.items() if each[0] in self.jobs}
        return len(old)

    def check_requests(self) -> None:
        for job in self.jobs.values():
            self.check_requests_of(job)

    def check_requests_of(self, job: Job) -> None:
        """No request is lost: an attempt that began behind it ended the job, or somebody did."""
        asked = max((step for job_id, step in self.requests if job_id == job.id), default=-1)
        assert job.state not in ("succeeded", "failed") or job.begun_in > asked, (
            f"job {job.id} was asked for in step {asked} and ended by a claim of {job.begun_in}"
        )


def _pause(count: int) -> float:
    return min(FIRST_PAUSE * 2.0 ** (count - 1), LONGEST_PAUSE)
