"""Working rows that may be written twice. Knows no visit.

A cluster runs again what it believes lost, while the first run may still be on: a worker that
is cut off, or has died with its rows committed. Both have the claim, and both are right, since
equal inputs make equal entries. So the first row of a file stays, and a later one is left out.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from asyncpg.exceptions import DeadlockDetectedError, UniqueViolationError
from pgvector import HalfVector

from engine.errors import PassFailed
from engine.index.sql import query
from engine.index.working import FailedEntry, Fence, Working, WorkingEntry

# Each further try follows a commit by somebody else of rows that we were about to write.
TRIES: Final = 5

Row = TypeVar("Row", WorkingEntry, FailedEntry)


class RepeatableWorking(Working):
    """The rows of a pass, written by many."""

    @classmethod
    def of(cls, working: Working) -> "RepeatableWorking":
        """The same pass's rows, from now on."""
        realm_id, token, job_id, claim_token = working._fence
        return cls(
            working._pool,
            realm_id,
            token,
            Fence(job_id, claim_token),
            embedder_id=working._embedder_id,
            listed_at_ns=working._listed_at_ns,
            inherits=working._inherits,
            keeps_chunks=working.keeps_chunks,
        )

    async def write(
        self, entries: Sequence[WorkingEntry], vectors: Mapping[bytes, HalfVector]
    ) -> None:
        async def write(rest: Sequence[WorkingEntry]) -> None:
            await Working.write(self, rest, vectors)

        await self._once(entries, write)

    async def write_failed(self, failed: Sequence[FailedEntry]) -> None:
        async def write(rest: Sequence[FailedEntry]) -> None:
            await Working.write_failed(self, rest)

        await self._once(failed, write)

    async def confirm(self) -> None:
        """`StalePass` if the claim is no longer the job's, or another pass has the realm."""
        async with self._fenced():
            pass

    async def _once(
        self, rows: Sequence[Row], write: Callable[[Sequence[Row]], Awaitable[None]]
    ) -> None:
        # 1. Two runs of a visit look, and neither finds a row.
        # 2. One commits its row and chunks in one transaction.
        # 3. The other's row waits for that, and violates the key; its chunks go with it.
        # So it looks again. Whoever writes other files in the other order may deadlock instead.
        for _ in range(TRIES):
            written = await self._written([row.key for row in rows])
            rest = [row for row in rows if row.key not in written]
            if not rest:
                return
            with suppress(UniqueViolationError, DeadlockDetectedError):
                await write(rest)
                return
        raise PassFailed(f"{rows[0].key}: written by others time and again")

    async def _written(self, keys: Sequence[str]) -> set[str]:
        found = await self._pool.fetch(
            query("select_working_keys"), self._realm_id, self._token, list(keys)
        )
        return {row["key"] for row in found}
