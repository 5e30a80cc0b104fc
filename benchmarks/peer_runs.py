"""Turns of one contender in a process of its own, and what each took. Knows no tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_low
from threading import Event, Thread
from typing import Any

import psutil

from benchmarks.embedding_peers import PEERS, SCRIPTS, Peer, environment_of

ROOT = Path(__file__).parents[1]
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Contender:
    """`table` holds its chunks. Without `packages` it runs in our own environment."""

    script: str
    table: str
    packages: tuple[str, ...] = ()


CONTENDERS = {
    "widthwise": Contender("widthwise_pass.py", "chunks"),
    "floor": Contender("floor_script.py", "chunks"),
    "llamaindex": Contender("llamaindex_pass.py", "data_nodes", PEERS["LlamaIndex"].packages),
    "langchain": Contender(
        "langchain_pass.py",
        "chunks",
        (*PEERS["LangChain"].packages, "langchain-classic"),
    ),
    "cocoindex": Contender(
        "cocoindex_app.py", "chunks", ("cocoindex[postgres]==1.0.26", "asyncpg")
    ),
}


@dataclass(frozen=True, slots=True)
class Run:
    """A turn. `peak_mib` is of all its processes together, Postgres apart, imports included."""

    seconds: float
    cpu: float
    peak_mib: float
    texts: int
    rows: int = 0


class Running:
    """A contender's process. Its imports and connections are there before its first turn."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def turn(self) -> Run:
        """It indexes what is there now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with sampled(self._process.pid) as peak:
            self._process.stdin.write("now\n")
            self._process.stdin.flush()
            answer = next(filter(None, map(answered, self._process.stdout)), None)
        if answer is None:
            raise subprocess.CalledProcessError(self._process.wait(), self._process.args)
        return Run(answer["seconds"], answer["cpu"], peak.mib, answer["texts"])


@contextmanager
def running(python: Path, contender: Contender, arguments: Sequence[str]) -> Iterator[Running]:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "COCOINDEX_DISABLE_USAGE_TRACKING": "1",  # it would send an event at each start
    }
    command = [str(python), str(SCRIPTS / contender.script), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield Running(process)
        # At the end of its input it closes what it has open.
        process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def answered(line: str) -> dict[str, Any] | None:
    """What a contender says of a turn; libraries print other lines."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "seconds" in said else None


def middle(runs: Sequence[Run]) -> Run:
    """Each figure's median, of itself."""
    return Run(
        median(run.seconds for run in runs),
        median(run.cpu for run in runs),
        median(run.peak_mib for run in runs),
        median_low([run.texts for run in runs]),
        median_low([run.rows for run in runs]),
    )


def python_for(name: str, folder: Path) -> Path:
    """Ours, or that of an environment which pip makes there, if it is not there yet."""
    packages = CONTENDERS[name].packages
    if not packages:
        return Path(sys.executable)
    peer = Peer(CONTENDERS[name].script, (*packages, "psutil"))
    return environment_of(peer, folder / f"peer-{name}")


@dataclass(slots=True)
class Peak:
    mib: float = 0.0


@contextmanager
def sampled(pid: int) -> Iterator[Peak]:
    """The most that the process and its children hold together within the block."""
    peak, over = Peak(), Event()

    def look() -> None:
        while True:
            peak.mib = max(peak.mib, _mib(pid))
            if over.wait(SAMPLE_SECONDS):
                return

    looking = Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        over.set()
        looking.join()


def _mib(pid: int) -> float:
    """Each shared page once; 0 for what has just ended."""
    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total / 2**20
