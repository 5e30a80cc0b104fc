"""One action of one contender in a process of its own, and what it took. Knows no tables."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_low

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
    """`peak_mib` is of all its processes together, Postgres apart, imports included."""

    seconds: float
    cpu: float
    peak_mib: float
    texts: int
    rows: int = 0


def run_contender(python: Path, contender: Contender, arguments: Sequence[str]) -> Run:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "COCOINDEX_DISABLE_USAGE_TRACKING": "1",  # it would send an event at each start
    }
    command = [str(python), str(SCRIPTS / contender.script), *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    peak_mib = _watch(process)
    said = process.communicate()[0]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return parse(said, peak_mib)


def parse(said: str, peak_mib: float) -> Run:
    """A contender's last line is its answer; libraries may have printed before."""
    answer = json.loads(said.strip().splitlines()[-1])
    return Run(answer["seconds"], answer["cpu"], peak_mib, answer["texts"])


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


def _watch(process: "subprocess.Popen[str]") -> float:
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _mib(process.pid))
        time.sleep(SAMPLE_SECONDS)
    return peak


def _mib(pid: int) -> float:
    """Each shared page once; 0 for what has just ended."""
    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total / 2**20
