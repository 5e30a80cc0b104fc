"""Claims of jobs without a worker: what a pass writes under, in tests that have no engine."""

from dataclasses import dataclass
from uuid import uuid4

from engine.errors import StalePass
from engine.index.database import Connection, Queryable
from engine.index.working import STALE, Fence, SwapOrder, Working
from engine.jobs import SUCCESS, Backoff, Claim, LossReason, Lost, Reach, store
from engine.jobs.state import settlement

KIND = "folder"
"""What the realms of these tests say of their source."""

LEASE_SECONDS = 600.0


@dataclass(slots=True)
class ClaimedPass:
    """A pass and the claim that it writes under, which its swap settles."""

    working: Working
    fence: Fence
    generation: int | None = None

    async def swap(self, order: SwapOrder) -> int | None:
        """Swap and end the job; returns the generation that the swap told of."""
        await self.working.swap(order, self._settle)
        return self.generation

    async def touch(self, order: SwapOrder) -> None:
        await self.working.touch(order, self._settle)

    async def _settle(self, connection: Connection, generation: int | None) -> None:
        if not await store.settle(connection, self.fence.job_id, self.fence.claim_token, SUCCESS):
            raise StalePass(STALE)
        self.generation = generation


async def claimed(database: Queryable, realm_id: int) -> Claim:
    """The claim of the realm's job by a worker of its own; asked for if none is in line."""
    await store.enqueue(database, [realm_id], max_attempts=3)
    found = await store.claim(
        database, uuid4(), Reach([KIND]), lease_seconds=LEASE_SECONDS, limit=1
    )
    (claim,) = found.claims
    assert claim.realm_id == realm_id
    return claim


async def lost(database: Queryable, claim: Claim) -> None:
    """Take the job from its worker as a sweep does that found the worker dead."""
    taken = settlement(
        Lost(LossReason.DEAD),
        attempt=claim.attempt,
        max_attempts=claim.max_attempts,
        claims=claim.claims,
        backoff=Backoff(),
        spread=0.0,
    )
    assert await store.settle(database, claim.job_id, claim.token, taken) == "pending"


async def cancelled(database: Queryable, claim: Claim) -> None:
    assert await store.cancel(database, claim.job_id)
