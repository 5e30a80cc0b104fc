"""How much memory does a pass over a repository of 70 MB take, of all its processes together?

    python -m benchmarks.memory
    python -m benchmarks.memory --source path/to/django --megabytes 70 --json memory.json

The repository is made of copies of the source (by default Python's standard library), each
with names of its own, so that no text is met twice. The pass is `widthwise index` with the
embedded Postgres and the bundled model, as after installing. Memory is the proportional set
size, which counts each shared page once, sampled ten times a second; Postgres, whose own
setting for shared memory is a large part of its figure, stands apart. Linux only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.results import Panel, Result, Row, add_options, publish, question

SAMPLE_SECONDS = 0.1

# What an earlier system took before it had read its first file.
TO_BEAT_MIB = 531

CODE = {".py", ".txt", ".rst", ".md", ".js", ".css", ".html", ".json", ".toml", ".cfg"}


PARTS = ("command", "worker processes", "Postgres", "its supervisor")

ROLLUP = {"Pss_Anon": "own", "Pss_File": "files", "Pss_Shmem": "shared"}


@dataclass(frozen=True, slots=True)
class Held:
    """MiB that some processes hold: memory of their own, pages of files, shared memory."""

    processes: int = 0
    own: float = 0.0
    files: float = 0.0
    shared: float = 0.0

    @property
    def together(self) -> float:
        return self.own + self.files + self.shared

    def __add__(self, other: "Held") -> "Held":
        return Held(*(getattr(self, each) + getattr(other, each) for each in self.__slots__))


class Sample(dict[str, Held]):
    """What each of `PARTS` holds at one moment, and sums of them in MiB."""

    @property
    def command(self) -> float:
        return self["command"].together

    @property
    def workers(self) -> float:
        return self["worker processes"].together

    @property
    def ours(self) -> float:
        return self.command + self.workers

    @property
    def postgres(self) -> float:
        return self["Postgres"].together


@dataclass(frozen=True, slots=True)
class Measured:
    """`at_peak` is the moment when the sum of all is highest; `peaks` those of each part."""

    megabytes: float
    files: int
    chunks: int
    seconds: float
    at_peak: dict[str, Held]
    peaks: dict[str, float]


def copy_until(source: Path, tree: Path, megabytes: float) -> float:
    """Copies of the source, until there is enough; returns how much there is."""
    size, number = 0, 0
    files = [path for path in sorted(source.rglob("*")) if path.suffix in CODE and path.is_file()]
    while size < megabytes * 1e6 and files:
        for path in files:
            text = path.read_text("utf-8", "replace").replace("self", f"self{number}")
            text = text.replace("return ", f"return r{number} or ")
            target = tree / f"copy{number}" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            size += target.stat().st_size
            if size >= megabytes * 1e6:
                break
        number += 1
    return size / 1e6


def measure(tree: Path, home: Path, megabytes: float) -> Measured:
    environment = os.environ | {"WIDTHWISE_HOME": str(home), "WIDTHWISE_DSN": ""}
    command = [sys.executable, "-c", "from engine.cli import main; main()"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "index", str(tree), "--json"], env=environment, stdout=subprocess.PIPE, text=True
    )
    taken = list(samples(process, home))
    seconds = time.monotonic() - began
    report = json.loads(process.communicate()[0])
    if process.returncode:
        sys.exit(f"widthwise index failed: {report}")
    at_peak = max(taken, key=lambda sample: whole(sample).together)
    peaks = {part: max(sample[part].together for sample in taken) for part in PARTS}
    return Measured(megabytes, report["files"], report["chunks"], seconds, at_peak, peaks)


def whole(sample: Mapping[str, Held]) -> Held:
    return sum(sample.values(), Held())


def samples(
    process: "subprocess.Popen[str]", home: Path, *, every_seconds: float = SAMPLE_SECONDS
) -> Iterator[Sample]:
    """What a command and the embedded Postgres in `home` hold, until the command ends."""
    while process.poll() is None:
        yield _sample(psutil.Process(process.pid), home)
        time.sleep(every_seconds)


def _sample(command: psutil.Process, home: Path) -> Sample:
    sample = Sample(dict.fromkeys(PARTS, Held()))
    sample["command"] = _held(command)
    for process in _children(command):
        sample["worker processes"] += _held(process)
    for process in psutil.process_iter(["name", "cmdline"]):
        line = process.info["cmdline"] or []
        if not any(str(home) in word for word in line):
            continue
        if process.info["name"] == "postgres":
            for each in (process, *_children(process)):
                sample["Postgres"] += _held(each)
        elif any(word.endswith("embedded/boot.py") for word in line):
            sample["its supervisor"] += _held(process)
    return sample


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _held(process: psutil.Process) -> Held:
    """Nothing of a process that has just ended."""
    with suppress(OSError, psutil.Error):
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
        rollup = {
            name: int(words.split()[0])
            for name, _, words in (line.partition(":") for line in lines)
        }
        return Held(1, **{mine: rollup[theirs] / 1024 for theirs, mine in ROLLUP.items()})
    return Held()


def result(measured: Measured) -> Result:
    """A row for each part, and one for all of them at the moment when their sum was highest."""
    rows = [_row(part, held, measured.peaks[part]) for part, held in measured.at_peak.items()]
    together = whole(measured.at_peak)
    rows.append(_row("all together", together, together.together))
    head = (
        f"{measured.megabytes:.0f} MB in {measured.files} files, {measured.chunks} chunks,"
        f" {measured.seconds:.0f} s."
    )
    panel = Panel(
        title=f"MiB at the peak of all; dashed: {TO_BEAT_MIB}, an earlier system",
        rows=rows,
        x="part",
        y="together",
        kind="bars",
        level=TO_BEAT_MIB,
    )
    return Result(
        name="memory",
        question=question(__doc__),
        rows=rows,
        panels=(panel,),
        notes=(head, f"To beat: {TO_BEAT_MIB} MiB."),
    )


def _row(part: str, held: Held, peak: float) -> Row:
    return {
        "part": part,
        "processes": held.processes,
        "own": round(held.own),
        "files": round(held.files),
        "shared": round(held.shared),
        "together": round(held.together),
        "its_own_peak": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--source", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--megabytes", type=float, default=70)
    add_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as folder:
        tree, home = Path(folder) / "tree", Path(folder) / "home"
        megabytes = copy_until(options.source, tree, options.megabytes)
        measured = measure(tree, home, megabytes)
        shutil.rmtree(tree)
    publish(result(measured), options)


if __name__ == "__main__":
    main()
