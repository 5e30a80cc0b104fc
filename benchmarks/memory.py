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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1

# What an earlier system took before it had read its first file.
TO_BEAT_MIB = 531

CODE = {".py", ".txt", ".rst", ".md", ".js", ".css", ".html", ".json", ".toml", ".cfg"}


@dataclass(frozen=True, slots=True)
class Sample:
    """MiB at one moment: of the command itself, its worker processes, and Postgres."""

    command: float
    workers: float
    postgres: float

    @property
    def ours(self) -> float:
        return self.command + self.workers

    @property
    def together(self) -> float:
        return self.ours + self.postgres


@dataclass(frozen=True, slots=True)
class Result:
    """Peaks are of the sums, at whatever moment each is highest."""

    megabytes: float
    files: int
    chunks: int
    seconds: float
    command_mib: float
    workers_mib: float
    ours_mib: float
    postgres_mib: float
    together_mib: float


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


def measure(tree: Path, home: Path, megabytes: float) -> Result:
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
    return Result(
        megabytes,
        report["files"],
        report["chunks"],
        seconds,
        *(
            max(getattr(sample, name) for sample in taken)
            for name in ("command", "workers", "ours", "postgres", "together")
        ),
    )


def samples(
    process: "subprocess.Popen[str]", home: Path, *, every_seconds: float = SAMPLE_SECONDS
) -> Iterator[Sample]:
    """What a command and the embedded Postgres in `home` hold, until the command ends."""
    while process.poll() is None:
        yield _sample(psutil.Process(process.pid), home)
        time.sleep(every_seconds)


def _sample(command: psutil.Process, home: Path) -> Sample:
    children, server = [], []
    with suppress(psutil.Error):
        children = command.children(recursive=True)
    for candidate in psutil.process_iter(["name", "cmdline"]):
        if candidate.info["name"] == "postgres" and str(home) in " ".join(
            candidate.info["cmdline"] or []
        ):
            server = [candidate, *candidate.children(recursive=True)]
    postgres = {each.pid for each in server}
    return Sample(
        _mib(command),
        sum(_mib(each) for each in children if each.pid not in postgres),
        sum(map(_mib, server)),
    )


def _mib(process: psutil.Process) -> float:
    """The proportional set size; 0 for a process that has just ended."""
    with suppress(OSError, psutil.Error):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def table(result: Result) -> str:
    rows = [
        ("the command", result.command_mib),
        ("its worker processes", result.workers_mib),
        ("both together", result.ours_mib),
        ("Postgres", result.postgres_mib),
        ("all together", result.together_mib),
        ("to beat", TO_BEAT_MIB),
    ]
    head = (
        f"{result.megabytes:.0f} MB in {result.files} files, {result.chunks} chunks,"
        f" {result.seconds:.0f} s; peaks in MiB"
    )
    return "\n".join([head, *(f"{name:<22}{value:>8.0f}" for name, value in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--megabytes", type=float, default=70)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="widthwise-bench-") as folder:
        tree, home = Path(folder) / "tree", Path(folder) / "home"
        megabytes = copy_until(options.source, tree, options.megabytes)
        result = measure(tree, home, megabytes)
        shutil.rmtree(tree)
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2))


if __name__ == "__main__":
    main()
