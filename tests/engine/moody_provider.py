"""An embedding provider in the test's process that does to each call what a script says."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np

from engine.embedders import TextTooLong
from engine.errors import PermanentFailure, Throttled

FAULTS = ("error", "throttle", "throttle for long", "refuse", "hang")


class Slip(Exception):
    """A failure of the kind that passes."""


@dataclass
class MoodyProvider:
    """`faults` are by the number of the call; more than `stands` at once are throttled, texts of
    more than `max_chars` are too long, and calls take `seconds` in turn. All is noted."""

    seconds: Sequence[float] = (0.02,)
    faults: Mapping[int, str] = field(default_factory=dict)
    stands: int = 100
    max_chars: int = 1_000_000
    dimension: int = 8
    fingerprint: str = "moody"
    calls: list[tuple[str, ...]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    sent_again: list[str] = field(default_factory=list)
    raised: list[Exception] = field(default_factory=list)
    begun_at: list[float] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    async def embed(self, texts: Sequence[str]) -> Any:
        self.calls.append(tuple(texts))
        self.begun_at.append(anyio.current_time())
        self.sent_again += [text for text in texts if text in self.answered]
        number = len(self.calls)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await self._misbehave(number, texts)
        except Exception as error:
            self.raised.append(error)
            raise
        finally:
            self.in_flight -= 1
        self.answered += texts
        return np.array([vector_of(text) for text in texts])

    async def _misbehave(self, number: int, texts: Sequence[str]) -> None:
        if self.in_flight > self.stands:
            raise Throttled("too many at once")
        await anyio.sleep(self.seconds[number % len(self.seconds)])
        match self.faults.get(number):
            case "error":
                raise Slip(f"of call {number}")
            case "throttle":
                raise Throttled("later", retry_after_seconds=1.5)
            case "throttle for long":
                raise Throttled("much later", retry_after_seconds=100)
            case "refuse":
                raise PermanentFailure(f"of call {number}")
            case "hang":
                await anyio.sleep_forever()
        if any(len(text) > self.max_chars for text in texts):
            raise TextTooLong(f"more than {self.max_chars} characters")


def vector_of(text: str) -> Any:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return np.frombuffer(digest, np.uint8).astype(np.float32) + 1
