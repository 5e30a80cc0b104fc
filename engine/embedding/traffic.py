"""What is sent next, when, and what follows from how it went. Told the time; sends nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from engine.embedding.breaker import Breaker, EmbedderOutage
from engine.embedding.line import Batch, Line
from engine.embedding.patience import Patience
from engine.embedding.reaction import Reaction, reaction_to, tells_of_outage
from engine.embedding.rounds import Rounds
from engine.embedding.window import Window
from engine.jobs import failure_of

# While more texts are on their way, a batch that is not full waits for them so long. To send it
# whenever the embedder stands idle made 400 calls of what fits into 88, and ended no earlier.
LINGER_SECONDS = 2.0


class Supply(Enum):
    """What those who ask can say of texts to come.

    MORE will come whatever happens here; they are BLOCKED until something arrives; it has
    ENDED, so that what is in line is all there is.
    """

    MORE = auto()
    BLOCKED = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch that is under way, numbered for this queue and for the breaker."""

    batch: Batch
    number: int
    asked: int


class Traffic:
    """One queue's. `failure` is what ends it; then nothing is sent any more."""

    def __init__(
        self,
        line: Line,
        *,
        concurrency: int,
        pause_seconds: float,
        breaker: Breaker,
        spread: Callable[[], float],
    ) -> None:
        self.line = line
        self.window = Window(concurrency)
        self.supply = Supply.BLOCKED
        self.failure: BaseException | None = None
        self.in_flight = self.keeping = self.peak = self.sent = 0
        # What is stored meanwhile keeps no embedder idle. Of a queue that sends one batch
        # after the other, each is safe before the next one is paid for.
        self._keeps_at_once = concurrency // 4
        self._patience = Patience(pause_seconds=pause_seconds, spread=spread)
        self._breaker = breaker
        self._rounds = Rounds()
        self._paused_until = self._lingering_since = 0.0

    @property
    def is_still(self) -> bool:
        return not (self.in_flight or self.keeping)

    def add(self, key: bytes, text: str, now: float) -> None:
        if not self.line.is_partial:
            self._lingering_since = now
        self.line.add(key, text)

    def next(self, now: float) -> Sent | None:
        """The batch to send now, which is in flight from here on."""
        if not self._may_send(now):
            return None
        batch = self.line.take(now, partial=self._may_go_partial(now))
        if batch is None:
            return None
        self._lingering_since = now
        self.sent += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        return Sent(batch, self._rounds.send(), self._breaker.send())

    def until_next(self, now: float) -> float | None:
        """Seconds until a batch may go though nothing moves; nothing if none will."""
        times = [self.line.next_due(), self._paused_until if self.line else None]
        if self.line.is_partial and not self.in_flight:
            times.append(self._lingering_since + LINGER_SECONDS)
        return min((time - now for time in times if time is not None and time > now), default=None)

    def answered(self, sent: Sent) -> None:
        """Its vectors are here and right; they are being kept until `kept`."""
        self.in_flight -= 1
        self.keeping += 1
        self._breaker.answered(sent.asked)
        self._patience.answered()
        self.window.grow()

    def kept(self) -> None:
        self.keeping -= 1

    def failed(self, sent: Sent, error: BaseException, now: float) -> None:
        self.in_flight -= 1
        batch = sent.batch
        match reaction_to(error, texts=len(batch.texts)):
            case Reaction.HALVE:
                self._shrink(sent)
                self.line.give_back(batch)
            case Reaction.FIND:
                self._answered_no(sent)
                self.line.put_back(*batch.halves())
            case Reaction.SHORTEN:
                self._answered_no(sent)
                self._shorten(batch, error)
            case Reaction.PAUSE:
                self._answered_no(sent)
                self._pause(sent, error, now)
            case Reaction.AGAIN:
                self._try_again(sent, error, now)
            case Reaction.GIVE_UP:
                self._give_up(sent, error)

    def forget(self, sent: Sent) -> None:
        """Nobody waits for it any more."""
        self._breaker.forget(sent.asked)

    def fail(self, error: BaseException) -> None:
        """This is the end. What failed first is the reason, the rest are consequences."""
        if self.failure is None:
            self.failure = error

    def _may_send(self, now: float) -> bool:
        if self.failure is not None or not self.line or now < self._paused_until:
            return False
        if self.in_flight >= self.window.size:
            return False
        if self.in_flight + self.keeping >= self.window.size + self._keeps_at_once:
            return False
        return self._is_admitted()

    def _is_admitted(self) -> bool:
        """Not while the embedder is taken for down; unless an answer is due, that is the end."""
        seconds = self._breaker.closed_in()
        if seconds and not self.in_flight:
            self.fail(_outage(seconds))
        return not seconds

    def _may_go_partial(self, now: float) -> bool:
        match self.supply:
            case Supply.ENDED:
                return True
            case Supply.BLOCKED:
                return self.in_flight == 0
            case Supply.MORE:
                return self.in_flight == 0 and now >= self._lingering_since + LINGER_SECONDS

    def _shrink(self, sent: Sent) -> bool:
        """Fewer at once, if the failure tells anything new; whether it does."""
        is_news = self._rounds.is_news(sent.number)
        if is_news:
            self.window.shrink(self.in_flight + 1)
        return is_news

    def _answered_no(self, sent: Sent) -> None:
        """It is not down."""
        self._breaker.answered(sent.asked)

    def _shorten(self, batch: Batch, error: BaseException) -> None:
        shorter = batch.texts[0].shortened()
        if shorter is None:
            self.fail(error)
        else:
            self.line.put_back(Batch((shorter,), batch.tries))

    def _pause(self, sent: Sent, error: BaseException, now: float) -> None:
        asked = failure_of(error).retry_after_seconds
        # Of those that were sent together the first speaks for all, unless one asks for more.
        if self._shrink(sent) or asked is not None:
            seconds = self._patience.pause(now, asked)
            if seconds is None:
                self.fail(error)
                return
            self._paused_until = max(self._paused_until, now + seconds)
        self.line.put_back(sent.batch)

    def _try_again(self, sent: Sent, error: BaseException, now: float) -> None:
        batch = sent.batch
        self._breaker.failed(sent.asked)
        is_news = self._rounds.is_news(sent.number)
        seconds = self._patience.retry(batch.tries, is_news=is_news)
        if seconds is None or self._breaker.is_open:
            self._end_with(error)
        else:
            self.line.put_back(Batch(batch.texts, batch.tries + 1, now + seconds))

    def _give_up(self, sent: Sent, error: BaseException) -> None:
        if tells_of_outage(error):
            self._breaker.failed(sent.asked)
        else:
            self._answered_no(sent)
        self._end_with(error)

    def _end_with(self, error: BaseException) -> None:
        """If the embedder is down, it is not this job that should pay for it."""
        seconds = self._breaker.closed_in()
        self.fail(_outage(seconds, error) if seconds else error)


def _outage(seconds: float, last: BaseException | None = None) -> EmbedderOutage:
    said = f": {type(last).__name__}: {last}" if last else ""
    return EmbedderOutage(
        f"the embedder is taken for down for {seconds:.0f} s{said}", retry_after_seconds=seconds
    )
