"""Whether a worker that has room looks for work after news, and how soon. Pure: no clock.

All workers hear of a request at the same moment. If each that has room looks at once, one of a
hundred finds the job, and a job costs two hundred statements, as all look at its end again.
"""

from collections.abc import Iterable

from engine.jobs.news import News
from engine.jobs.state import JobState

# Who was beaten to a job waits so long before its next look, twice as long each time. With a
# hundred that wait up to the last of them the first one looks after 2.5 ms.
FIRST_PAUSE_SECONDS = 0.005
MOST_PAUSE_SECONDS = 0.25

# A notification does not name more, so one that names as many may mean others too.
MOST_NAMED = 300


class Eagerness:
    """At once as long as that is of use; who comes too late leaves the next job to the others
    for a moment, and to whoever has begun it by then for good. So as many look at once as find
    something, and when they are busy the others are there.
    """

    def __init__(self) -> None:
        self._beaten = 0
        # Jobs that may be waiting: heard of since the last look, and those it was made for.
        # `_any` if it can't be said which.
        self._new: set[int] = set()
        self._sought: set[int] = set()
        self._any = False

    @property
    def is_curious(self) -> bool:
        """Whether there is something to look for that nobody has begun."""
        return self._any or bool(self._new)

    def hear(self, news: News) -> None:
        """What ended well needs nobody else: its worker looks for the next job itself."""
        match news.state:
            case JobState.SUCCEEDED:
                return
            case JobState.RUNNING:
                self._beaten += not news.job_ids.isdisjoint(self._new | self._sought)
                self._new -= news.job_ids
            case JobState.PENDING if len(self._new | news.job_ids) < MOST_NAMED:
                self._new |= news.job_ids
            case _:
                self._any = True

    def look(self) -> None:
        """A look is made now: it answers all that was heard before."""
        self._sought, self._new, self._any = self._new, set(), False

    def found(self, job_ids: Iterable[int]) -> None:
        """The look was of use: these are ours now."""
        self._beaten = 0
        self._new.difference_update(job_ids)
        self._sought.clear()

    def pause_seconds(self, spread: float) -> float:
        """How long to wait before a look that news ask for; `spread` is random, from 0 up to 1."""
        if not self._beaten:
            return 0.0
        octave = FIRST_PAUSE_SECONDS * 2.0 ** min(self._beaten - 1, 16)
        return spread * min(octave, MOST_PAUSE_SECONDS)
