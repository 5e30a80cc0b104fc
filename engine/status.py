"""A realm's status as people want to see it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from engine.index.live import PassRow, RealmRow, Totals
from engine.jobs import JobRow, JobState
from engine.report import Phase


class Condition(StrEnum):
    """What a realm is about, in a word or two."""

    INDEXED = "indexed"
    INDEXING = "indexing"
    RETRYING = "retrying"
    QUEUED = "queued"
    FAILED = "failed"
    NOT_INDEXED = "not indexed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class RealmStatus:
    """A realm, its live index, and the job that it is about: the current or the last one."""

    realm: RealmRow
    totals: Totals
    last_pass: PassRow | None
    job: JobRow | None

    @property
    def condition(self) -> Condition:
        match self.job:
            case JobRow(state=JobState.RUNNING):
                return Condition.INDEXING
            case JobRow(state=JobState.PENDING, is_retrying=True):
                return Condition.RETRYING
            case JobRow(state=JobState.PENDING):
                return Condition.QUEUED
            case JobRow(state=JobState.FAILED):
                return Condition.FAILED
        if self.realm.indexed_at is None:
            return Condition.NOT_INDEXED
        return Condition.INDEXED if self.totals.files else Condition.EMPTY

    @property
    def label(self) -> str:
        """The condition with its numbers: `indexed 10/12` has two files with errors."""
        match self.condition:
            case Condition.INDEXED:
                files = self.totals.files
                return f"indexed {files - self.totals.errors:,}/{files:,}"
            case Condition.INDEXING:
                return self._progress()
            case Condition.RETRYING:
                assert self.job is not None
                tries = max(self.job.attempt, 1)
                return f"retrying ({tries} {'try' if tries == 1 else 'tries'})"
        return str(self.condition)

    @property
    def error(self) -> str | None:
        """Why the job failed, or is tried again."""
        retrying = self.condition in (Condition.RETRYING, Condition.FAILED, Condition.INDEXING)
        return self.job.error if self.job and retrying else None

    def _progress(self) -> str:
        assert self.job is not None
        now = self.job.progress
        if now.phase is Phase.FETCH and now.to_load:
            return f"fetching {now.loaded:,}/{now.to_load:,}"
        return f"indexing {now.done:,}/{now.total or now.to_load:,}"
