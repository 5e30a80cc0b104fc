"""An embedding provider in a process of its own: so long a batch, so many at once, a log.

It answers `POST /v1/embeddings` as OpenAI does, vectors as base64, from the hash of a text,
so that it costs next to nothing beside the wait. `PUT /faults` sets what goes wrong and
begins a new log, `GET /log` tells it.
"""

import asyncio
import base64
import hashlib
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from benchmarks.loopback import Answer, served

DIMENSION = 256
BATCH_SECONDS = 0.02
AT_ONCE = 8
MAX_TEXTS = 32


@dataclass(frozen=True, slots=True)
class Faults:
    """Of so many calls, `error_rate` fail with 500; with `stands`, more at once get a 429."""

    error_rate: float = 0.0
    stands: int = 0


@dataclass(slots=True)
class Log:
    """`full` of the `requests` had as many texts as fit; `repeated` texts came again after
    they had been answered. Busy is the share of its places that were taken, from the first
    request to the last answer."""

    requests: int = 0
    full: int = 0
    texts: int = 0
    repeated: int = 0
    failed: int = 0
    refused: int = 0
    peak: int = 0
    first: float = 0.0
    last: float = 0.0
    taken_seconds: float = 0.0
    answered: set[bytes] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        told = {name: value for name, value in asdict(self).items() if name != "answered"}
        seconds = self.last - self.first
        busy = self.taken_seconds / (AT_ONCE * seconds) if seconds else 0.0
        return told | {"seconds": seconds, "busy": busy}


class Provider:
    def __init__(self, *, batch_seconds: float = BATCH_SECONDS) -> None:
        self._batch_seconds = batch_seconds
        self.faults = Faults()
        self.log = Log()
        self._in_flight = 0
        self._places = asyncio.Semaphore(AT_ONCE)
        self._chance = random.Random(5)

    async def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        match method, path:
            case "PUT", "/faults":
                self.faults, self.log = Faults(**json.loads(body)), Log()
                self._chance.seed(5)
                return 200, b"{}"
            case "GET", "/log":
                return 200, json.dumps(self.log.as_json()).encode()
        return await self.embed(json.loads(body)["input"])

    async def embed(self, texts: list[str]) -> tuple[int, bytes]:
        log, began = self.log, time.monotonic()
        log.first = log.first or began
        log.requests += 1
        log.full += len(texts) == MAX_TEXTS
        if len(texts) > MAX_TEXTS:
            return 400, b'{"error": "too many texts"}'
        if self.faults.stands and self._in_flight >= self.faults.stands:
            log.refused += 1
            return 429, b'{"error": "too many requests"}'
        self._in_flight += 1
        log.peak = max(log.peak, self._in_flight)
        try:
            async with self._places:
                taken = time.monotonic()
                await asyncio.sleep(self._batch_seconds)
                log.taken_seconds += time.monotonic() - taken
        finally:
            self._in_flight -= 1
        if self._chance.random() < self.faults.error_rate:
            log.failed += 1
            return 500, b'{"error": "by chance"}'
        return 200, self._vectors(texts)

    def _vectors(self, texts: list[str]) -> bytes:
        log = self.log
        hashes = [hashlib.blake2b(text.encode(), digest_size=64).digest() for text in texts]
        log.texts += len(texts)
        log.repeated += sum(digest in log.answered for digest in hashes)
        log.answered.update(hashes)
        log.last = time.monotonic()
        rows = b",".join(
            b'{"index":%d,"object":"embedding","embedding":"%s"}' % (at, _encoded(digest))
            for at, digest in enumerate(hashes)
        )
        return b'{"object":"list","data":[' + rows + b"]}"


def _encoded(digest: bytes) -> bytes:
    """Bytes that are finite as float32: the exponent's upper bits are those of numbers near 1."""
    numbers = b"".join(b"\0" + digest[at : at + 1] + b"\x80\x3f" for at in range(64))
    return base64.b64encode(numbers * (DIMENSION // 64))


@contextmanager
def slow_provider(
    *, address: str = "127.0.0.1", batch_seconds: float = BATCH_SECONDS
) -> Iterator[str]:
    """The URL of a provider that runs for the length of the block."""
    with served(partial(_endpoints, batch_seconds), address=address) as url:
        yield url


def _endpoints(batch_seconds: float) -> Answer:
    return Provider(batch_seconds=batch_seconds).answer
