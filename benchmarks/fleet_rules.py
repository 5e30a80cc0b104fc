"""The engine's decisions as the simulated fleet makes them, and simpler ones to compare with."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from engine.jobs.eagerness import Eagerness
from engine.jobs.failure import Failure
from engine.jobs.news import News
from engine.jobs.state import Failed, JobState, Outcome


class AlwaysEager(Eagerness):
    """Looks at once whatever happens, but that somebody has begun a job."""

    def hear(self, news: News) -> None:
        if news.state is not JobState.RUNNING:
            super().hear(News())

    def pause_seconds(self, spread: float) -> float:
        return 0.0 * spread


@dataclass(frozen=True, slots=True)
class Rules:
    """`spreads_told` if who is told when to come back may come a little later."""

    name: str
    eagerness: Callable[[], Eagerness]
    spreads_told: bool

    def spread(self, outcome: Outcome, chance: Random) -> float:
        match outcome:
            case Failed(Failure(retry_after_seconds=seconds)) if seconds is not None:
                return chance.random() if self.spreads_told else 0.0
        return chance.random()


ENGINE: Final = Rules("engine", Eagerness, spreads_told=True)
AT_ONCE: Final = Rules("all at once", AlwaysEager, spreads_told=False)
