"""What `python -m benchmarks all` runs, one after the other. Measures nothing itself."""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

# Nobody waits longer for one of them.
MAX_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class Step:
    """A benchmark with its arguments, and about how long it takes on two quiet cores.

    `{tree}` among the arguments stands for the tree that `all` is given.
    """

    name: str
    arguments: tuple[str, ...]
    minutes: float

    def command(self, tree: Path) -> list[str]:
        given = [argument.format(tree=tree) for argument in self.arguments]
        return [sys.executable, "-m", f"benchmarks.{self.name}", *given]


# `hosts` needs root, and ends with 1 where it may make no network namespaces.
# `language_edges` is left out, for it needs the tools and the trees of six languages. `peers`
# installs what it compares from the package index.
STEPS: Final = (
    Step("cards", (), 0.5),
    Step("openapi", (), 0.5),
    Step("clones", ("{tree}",), 1),
    Step("incremental", ("{tree}",), 1.5),
    Step("concurrency", (), 4),
    Step("resolver", (), 5),
    Step("embedding", ("{tree}",), 1.5),
    Step("memory", (), 3),
    Step("latency", ("{tree}",), 3),
    Step("search_quality", ("questions", "--source", "{tree}"), 2),
    Step("search_halfvec", ("--source", "{tree}"), 2),
    Step("search_speed", (), 6),
    Step("jobs", (), 4),
    Step("peers", ("{tree}", "--rounds", "1"), 10),
    Step("soak", ("--minutes", "10"), 12),
    Step("hosts", (), 4),
    Step("executors", (), 3),
    Step("scale", (), 8),
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step came out; `problem` is empty if it went well."""

    name: str
    seconds: float
    problem: str

    def __str__(self) -> str:
        return f"{self.name:<16}{self.seconds:>7.0f} s  {self.problem or 'done'}"


def listed(steps: Sequence[Step] = STEPS) -> Iterator[str]:
    for step in steps:
        yield f"{step.name:<16}{step.minutes:>5g} min  {' '.join(step.arguments)}".rstrip()


def run_all(tree: Path, steps: Sequence[Step], options: Sequence[str]) -> Iterator[Ended]:
    """Each step in a process of its own; one that fails or hangs does not end the others."""
    for step in steps:
        print(f"\n== {step.name}", flush=True)
        began = time.monotonic()
        problem = _run([*step.command(tree), *options])
        yield Ended(step.name, time.monotonic() - began, problem)


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, cwd=HERE.parent, check=False, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        return f"stopped after {MAX_SECONDS} s"
    return f"ended with {done.returncode}" if done.returncode else ""


def main(steps: Sequence[Step] = STEPS) -> None:
    minutes = sum(step.minutes for step in steps)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks all", description=f"All of these, about {minutes:.0f} minutes."
    )
    parser.add_argument("tree", type=Path, help="the sdist of Django 5.2, unpacked")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[each.name for each in steps])
    parser.add_argument("--skip", nargs="+", metavar="NAME", default=[])
    parser.add_argument("--keep", action="store_true", help="write each to benchmarks/results/")
    given = parser.parse_args()
    chosen = [s for s in steps if s.name in (given.only or [s.name]) and s.name not in given.skip]
    keep = ["--keep"] if given.keep else []
    ended = []
    for each in run_all(given.tree.resolve(), chosen, keep):
        print(each, flush=True)
        ended.append(each)
    print("\n" + "\n".join(map(str, ended)))
    kept = [each.name for each in ended if given.keep and not each.problem]
    if kept:
        print(f"kept in benchmarks/results/: {', '.join(kept)}")
    sys.exit(1 if any(each.problem for each in ended) else 0)
