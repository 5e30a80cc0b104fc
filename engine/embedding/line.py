"""The texts that wait for the embedder, and how they are cut into batches. Sends nothing."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

# A text that is still too long at this length has another fault.
SHORTEST_CHARS = 16


class Text(NamedTuple):
    """A text in line; `is_shortened` once it is only the beginning of what was asked for."""

    key: bytes
    text: str
    tokens: int
    is_shortened: bool = False

    def shortened(self) -> "Text | None":
        """Its first half; nothing if that would be too little to stand for it."""
        half = self.text[: len(self.text) // 2]
        return Text(self.key, half, tokens_of(half), True) if len(half) >= SHORTEST_CHARS else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that go together. Sent `tries` times before; not to be sent again before `due`."""

    texts: tuple[Text, ...]
    tries: int = 0
    due: float = 0.0

    def halves(self) -> tuple["Batch", "Batch"]:
        middle = len(self.texts) // 2
        return Batch(self.texts[:middle], self.tries), Batch(self.texts[middle:], self.tries)


def tokens_of(text: str) -> int:
    """About how many tokens a text has, and seldom fewer.

    English and code have three to four bytes a token; a sign of a script that tokenizers do
    not know well is a token and has three bytes.
    """
    return len(text.encode()) // 3 + 1


class Line:
    """First come, first served, but what comes back goes before what was never sent.

    A batch is full when another text would make it more than `batch_size` texts, or more
    than about `batch_tokens`; a longer text goes alone.
    """

    def __init__(self, batch_size: int, batch_tokens: int) -> None:
        self.batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._waiting: deque[Text] = deque()
        self._tokens = 0
        self._apart: list[Batch] = []

    def __len__(self) -> int:
        return len(self._waiting) + sum(len(batch.texts) for batch in self._apart)

    @property
    def is_partial(self) -> bool:
        """Whether some wait that do not fill a batch."""
        return bool(self._waiting) and not self._is_full

    def add(self, key: bytes, text: str) -> None:
        entry = Text(key, text, tokens_of(text))
        self._waiting.append(entry)
        self._tokens += entry.tokens

    def take(self, now: float, *, partial: bool) -> Batch | None:
        """The batch to send next; one that is not full only if `partial` ones may go."""
        for place, batch in enumerate(self._apart):
            if batch.due <= now:
                return self._apart.pop(place)
        return self._cut() if self._is_full or (partial and self._waiting) else None

    def next_due(self) -> float | None:
        """When the first of those that wait for their time may go."""
        return min((batch.due for batch in self._apart), default=None)

    def put_back(self, *batches: Batch) -> None:
        """They go again as they are, each at its time and before the others."""
        self._apart.extend(batches)

    def give_back(self, batch: Batch) -> None:
        """It was too large: it is first in line, and no later one is larger than its half."""
        # Batches of the old size that time out beside it halve the size no further.
        self.batch_size = min(self.batch_size, len(batch.texts) // 2)
        self._waiting.extendleft(reversed(batch.texts))
        self._tokens += sum(text.tokens for text in batch.texts)

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self.batch_size or self._tokens > self._batch_tokens

    def _cut(self) -> Batch:
        texts = [self._waiting.popleft()]
        tokens = texts[0].tokens
        while self._waiting and len(texts) < self.batch_size:
            if tokens + self._waiting[0].tokens > self._batch_tokens:
                break
            texts.append(self._waiting.popleft())
            tokens += texts[-1].tokens
        self._tokens -= tokens
        return Batch(tuple(texts))
