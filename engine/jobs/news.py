"""What the database tells everybody of jobs, as a value."""

from dataclasses import dataclass

from engine.jobs.state import JobState

CHANNEL = "widthwise_jobs"


@dataclass(frozen=True, slots=True)
class News:
    """Jobs that came into a state; without any, anything may have happened unheard."""

    state: JobState | None = None
    job_ids: frozenset[int] = frozenset()

    @classmethod
    def of(cls, payload: str) -> "News":
        """What a notification says; one that another version wrote may say anything."""
        state, _, ids = payload.partition(" ")
        try:
            return cls(JobState(state), frozenset(map(int, ids.split(","))))
        except ValueError:
            return cls()
