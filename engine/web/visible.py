"""The engine as one caller may see it: the wall between tenants. Knows no HTTP."""

from collections.abc import Sequence
from typing import Any

from engine.engine import Engine
from engine.errors import JobNotFound, RealmNotFound
from engine.index.live import RealmRow
from engine.index.search import SearchPage
from engine.job import Job
from engine.jobs import JobState
from engine.status import RealmStatus
from engine.web.access import Access


class Visible:
    """What a caller can't see is to it as if it were not there."""

    def __init__(self, engine: Engine, access: Access) -> None:
        self.engine = engine
        self.access = access

    @property
    def tenants(self) -> list[str] | None:
        return None if self.access.tenants is None else sorted(self.access.tenants)

    async def realm(self, name: str) -> RealmRow:
        row = await self.engine.find_realm(name)
        if not self.access.sees(row.tenant):
            raise RealmNotFound(name)
        return row

    async def realms(self, *, after: str = "", limit: int = 100) -> list[RealmStatus]:
        """A page of the realms with their states, in the order of their names."""
        rows = await self.engine.page_realms(tenants=self.tenants, after=after, limit=limit)
        return [await self.engine.status_of(row) for row in rows]

    async def status(self, name: str) -> RealmStatus:
        return await self.engine.status_of(await self.realm(name))

    async def job(self, job_id: int) -> Job:
        job = await self.engine.job(job_id)
        if not self.access.sees(job.row.tenant):
            raise JobNotFound(job_id)
        return job

    async def jobs(
        self,
        *,
        realm: str | None = None,
        states: Sequence[JobState] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Job]:
        return await self.engine.jobs(
            realm=realm, states=states, tenants=self.tenants, before=before, limit=limit
        )

    async def search(self, text: str, *, realms: Sequence[str] = (), **narrowed: Any) -> SearchPage:
        """The best chunks of these realms, or of all that the caller sees."""
        return await self.engine.search_page(
            text, realm=list(realms) or None, tenants=self.tenants, **narrowed
        )
