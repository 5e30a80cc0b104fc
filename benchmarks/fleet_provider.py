"""An embedding provider of the simulated fleet: slow at times, with a limit, or down."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import httpx

REQUEST = httpx.Request("POST", "http://provider.invalid/v1/embeddings")

REFUSED_SECONDS = 0.05
FAILED_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """From `start` to `end` it is down, or answers take `times` as long and there is another
    limit."""

    start: float
    end: float
    is_down: bool = False
    times: float = 1.0
    calls_per_second: float | None = None


USUAL: Final = Phase(start=0.0, end=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the provider stands: calls a second, and how many of them saved up. Of calls beyond
    it says after how many seconds to come back, if it says anything."""

    seconds: float = 0.3
    calls_per_second: float = 60.0
    saved_calls: float = 120.0
    retry_after_seconds: int | None = 1
    phases: Sequence[Phase] = ()


class Provider:
    """`ask` is the moment at which a call is sent: its fate is known from then on."""

    def __init__(self, terms: Terms, chance: Random) -> None:
        self._terms = terms
        self._chance = chance
        self._saved, self._saved_at = terms.saved_calls, 0.0
        header = terms.retry_after_seconds
        self._refusal = _error(429, {} if header is None else {"retry-after": str(header)})
        self._failure = _error(500, {})

    def ask(self, now: float) -> tuple[float, Exception | None]:
        """The seconds until there is an answer, and what is wrong with it."""
        phase = next((each for each in self._terms.phases if each.start <= now < each.end), USUAL)
        if phase.is_down:
            return FAILED_SECONDS, self._failure
        if not self._is_within_limit(now, phase.calls_per_second):
            return REFUSED_SECONDS, self._refusal
        return self._terms.seconds * phase.times * self._chance.lognormvariate(0.0, 0.4), None

    def _is_within_limit(self, now: float, limit: float | None) -> bool:
        terms = self._terms
        refilled = self._saved + (now - self._saved_at) * (limit or terms.calls_per_second)
        self._saved, self._saved_at = min(refilled, terms.saved_calls), now
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


def _error(status: int, headers: dict[str, str]) -> httpx.HTTPStatusError:
    """As the clients of the real providers raise it."""
    response = httpx.Response(status, headers=headers, request=REQUEST)
    return httpx.HTTPStatusError(f"status {status}", request=REQUEST, response=response)
