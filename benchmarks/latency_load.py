"""Requests to a server for a while, and how long each took: steadily, or as fast as it goes.

Steady requests are sent when they are due, whether or not the ones before are answered, and
timed from when they were due: a server that stands still for a second makes all of them late
that came due in it. They are sent by a process of its own.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream

MAX_CONNECTIONS = 256
ANSWER_SECONDS = 30.0
OK = b"HTTP/1.1 200 "

STEADY = "from benchmarks.latency_load import main; main()"

# What wrk found, as JSON in its last line.
REPORT_LUA = """
done = function(summary, latency)
  local failed = summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('{"per_second": %f, "p99_ms": %f, "failed": %d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True, slots=True)
class Flood:
    """What a server answers when eight connections ask without a pause."""

    per_second: float
    p99_ms: float
    failed: int


async def steady(url: str, *, rate: float, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of the requests that were answered with 200, and how many were not."""
    command = [sys.executable, "-c", STEADY, url, str(rate), str(seconds)]
    done = await anyio.run_process(command, stderr=None)
    told = json.loads(done.stdout)
    return told["milliseconds"], told["failed"]


async def flood(url: str, *, seconds: float) -> Flood | None:
    """What wrk says; None where it is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(REPORT_LUA)
        script.flush()
        patience = f"{ANSWER_SECONDS:.0f}s"
        command = [wrk, "-t1", "-c8", f"-d{seconds:.0f}s", "--timeout", patience]
        command += ["-s", script.name, url]
        done = await anyio.run_process(command)
    return Flood(**json.loads(done.stdout.splitlines()[-1]))


class Requests:
    """Sends requests over connections that stay open, as many as are needed at once."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 80
        self._request = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
        self._open: list[SocketStream] = []
        self._places = anyio.CapacityLimiter(MAX_CONNECTIONS)
        self.milliseconds: list[float] = []
        self.failed = 0

    async def send(self, due: float) -> None:
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                async with self._places:
                    answer = await self._answer()
        except (OSError, TimeoutError, anyio.BrokenResourceError, anyio.EndOfStream):
            self.failed += 1
            return
        if answer.startswith(OK):
            self.milliseconds.append((time.perf_counter() - due) * 1e3)
        else:
            self.failed += 1

    async def _answer(self) -> bytes:
        stream = self._open.pop() if self._open else await self._connected()
        await stream.send(self._request)
        # The routes that are asked answer in one piece, much shorter than this.
        answer = await stream.receive(65_536)
        while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            answer += await stream.receive(65_536)
        self._open.append(stream)
        return answer

    async def _connected(self) -> SocketStream:
        return await anyio.connect_tcp(self._host, self._port)


async def send_steadily(url: str, rate: float, seconds: float) -> Requests:
    requests = Requests(url)
    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await anyio.sleep(max(0.0, due - time.perf_counter()))
            tasks.start_soon(requests.send, due)
    return requests


def main() -> None:
    """Of a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    sent = anyio.run(partial(send_steadily, options.url, options.rate, options.seconds))
    told = [round(each, 3) for each in sent.milliseconds]
    print(json.dumps({"milliseconds": told, "failed": sent.failed}))
