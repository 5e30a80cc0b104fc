"""How much there is of everything, for whoever watches over it."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.index.database import Queryable
from engine.jobs.sql import query
from engine.jobs.state import JobState


@dataclass(frozen=True, slots=True)
class Census:
    """Counts at one moment; `jobs` by state, `oldest_pending_seconds` of those that are due."""

    jobs: Mapping[str, int]
    retrying: int
    oldest_pending_seconds: float
    workers: int
    realms: int
    entries: int

    def gauges(self) -> dict[str, tuple[float, str]]:
        """The other counts by name, each with its meaning."""
        return {
            "jobs_retrying": (self.retrying, "Pending jobs whose last attempt failed."),
            "oldest_pending_seconds": (
                self.oldest_pending_seconds,
                "How long the job that waits longest has been due.",
            ),
            "workers": (self.workers, "Processes that claim jobs and have a heartbeat."),
            "realms": (self.realms, "Realms."),
            "entries": (self.entries, "Files of all live indexes, as last estimated."),
        }


async def take_census(database: Queryable) -> Census:
    row = await database.fetchrow(query("select_census"))
    assert row is not None
    counts = {str(state): row[str(state)] for state in JobState}
    return Census(
        counts,
        row["retrying"],
        row["oldest_pending_seconds"],
        row["workers"],
        row["realms"],
        row["entries"],
    )
