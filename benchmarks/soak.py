"""Is a request for a pass ever lost, or done twice, while the workers are killed all the time?

    python -m benchmarks.soak --minutes 10 --jobs 500 --realms 50 --workers 4

Edits random realms, each edit with a request, while worker processes (`widthwise work`) are
killed, frozen past their lease or told to stop, and replaced. When all is quiet every live
index is compared with a fresh one of the same files. Exits with 1 if anything is wrong.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import anyio
import asyncpg

from benchmarks.job_killer import MARK, Fleet, fleet, survivors
from benchmarks.job_trees import Tree
from benchmarks.job_verdict import (
    AUDIT_TABLE,
    Evidence,
    Request,
    centiles,
    differences,
    gather,
    judge,
    live,
    takeovers,
)
from benchmarks.results import Panel, Result, Row, add_options, publish, question
from engine import Engine, Folder, Settings
from engine.index.embedded import embedded_postgres
from engine.opening import Work
from engine.settings import Isolation

# Kills use attempts up: with the usual three, some jobs would rightly fail.
MAX_ATTEMPTS = 20
LEASE_SECONDS = 3
FILES = 40
QUIET_SECONDS = 300.0

UNENDED = "SELECT count(*) FROM jobs WHERE state IN ('pending', 'running')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    minutes: float
    jobs: int
    realms: int
    workers: int
    kill_seconds: float
    seed: int


@dataclass(slots=True)
class Soak:
    """One run: its trees, its workers, and what is found wrong."""

    plan: Plan
    dsn: str
    home: Path
    chance: random.Random
    trees: dict[str, Tree] = field(default_factory=dict)
    edits: Counter[str] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)
    joined: int = 0
    summary: dict[str, str] = field(default_factory=dict)
    next_claims: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def run(self) -> None:
        async with asyncpg.create_pool(self.dsn, min_size=1, max_size=2) as pool:
            await self._run(pool)

    async def _run(self, pool: asyncpg.Pool) -> None:
        mark = str(uuid4())
        async with Engine.open(self._settings(), work=Work.NONE) as engine:
            await pool.execute(AUDIT_TABLE)
            await self._plant(engine)
            async with fleet(
                self._environment(mark),
                self.home / "workers.log",
                lease_seconds=LEASE_SECONDS,
                chance=self.chance,
            ) as workers:
                workers.start(self.plan.workers)
                began = time.monotonic()
                await self._storm(engine, workers, pool)
                await self._quiet(pool)
                await workers.stop()
        self.wrong += workers.complaints
        self.wrong += [f"process {each} lives on" for each in survivors(mark)]
        evidence = await gather(pool, self.requests)
        self.wrong += judge(evidence)
        self._sum_up(evidence, workers, time.monotonic() - began)
        await self._compare(pool)

    async def _plant(self, engine: Engine) -> None:
        for number in range(self.plan.realms):
            name = f"realm {number}"
            tree = Tree(self.home / "trees" / str(number), self.chance, FILES)
            tree.grow()
            self.trees[name] = tree
            await (await engine.add_realm(name, Folder(tree.root))).index()

    async def _storm(self, engine: Engine, workers: Fleet, pool: asyncpg.Pool) -> None:
        async with anyio.create_task_group() as frozen, anyio.create_task_group() as tasks:
            tasks.start_soon(self._strike, workers, pool, frozen)
            await self._edit(engine, pool)
            tasks.cancel_scope.cancel()

    async def _edit(self, engine: Engine, pool: asyncpg.Pool) -> None:
        """Evenly over the time. Half of the requests are from scratch, to keep workers busy."""
        began, pause = anyio.current_time(), self.plan.minutes * 60 / self.plan.jobs
        for number in range(self.plan.jobs):
            await anyio.sleep_until(began + number * pause)
            name = self.chance.choice(list(self.trees))
            at = await pool.fetchval("SELECT clock_timestamp()")
            self.edits[self.trees[name].edit()] += 1
            job = await engine.index(name, from_scratch=self.chance.random() < 0.5)
            self.requests.append(Request(job.id, at))
            self.joined += job.joined

    async def _strike(self, workers: Fleet, pool: asyncpg.Pool, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            await anyio.sleep(self.plan.kill_seconds * self.chance.uniform(0.5, 1.5))
            while not await workers.strike(pool, tasks):
                pass

    async def _quiet(self, pool: asyncpg.Pool) -> None:
        with anyio.move_on_after(QUIET_SECONDS):
            while await pool.fetchval(UNENDED):  # noqa: ASYNC110 - as others would see it
                await anyio.sleep(0.2)

    async def _compare(self, pool: asyncpg.Pool) -> None:
        """Every live index with one that is made from nothing, by an engine without a history."""
        async with Engine.open(self._settings(), work=Work.ADDED) as engine:
            for name, tree in self.trees.items():
                fresh = await engine.add_realm(f"fresh {name}", Folder(tree.root))
                await (await fresh.index()).finished()
                ours = await live(pool, name)
                found = differences(ours, await live(pool, fresh.name))
                self.wrong += [f"{name}: {key} is not as in a fresh index" for key in found]
                if ours.keys() != {path.name for path in tree.root.iterdir()}:
                    self.wrong.append(f"{name}: other files than on the disk")

    def _settings(self) -> Settings:
        return Settings(
            home=self.home,
            dsn=self.dsn,
            embedder="hashed",
            isolation=Isolation.INLINE,
            worker_processes=1,
            max_attempts=MAX_ATTEMPTS,
        )

    def _environment(self, mark: str) -> dict[str, str]:
        """The reconciler would find a lost edit: it has nothing to say here."""
        return {
            MARK: mark,
            "WIDTHWISE_DSN": self.dsn,
            "WIDTHWISE_HOME": str(self.home),
            "WIDTHWISE_EMBEDDER": "hashed",
            "WIDTHWISE_WORKER_PROCESSES": "1",
            "WIDTHWISE_LEASE_SECONDS": str(LEASE_SECONDS),
            "WIDTHWISE_EMBED_TIMEOUT_SECONDS": str(LEASE_SECONDS - 1),
            "WIDTHWISE_SWEEP_SECONDS": "1",
            "WIDTHWISE_BACKOFF_SECONDS": "1",
            "WIDTHWISE_RECONCILE_SECONDS": "864000",
        }

    def _sum_up(self, evidence: Evidence, workers: Fleet, seconds: float) -> None:
        outcomes = Counter(each["outcome"] for each in evidence.attempts)
        self.summary = {
            "seconds": f"{seconds:.0f}",
            "requests": f"{self.plan.realms + self.plan.jobs}, {self.joined} joined another",
            "edits": _counted(self.edits),
            "jobs": _counted(evidence.states),
            "swaps": str(len(evidence.swaps)),
            "ends of workers": _counted(workers.counts),
            "attempts": _counted(outcomes),
            "most attempts of a job": str(max(each["number"] for each in evidence.attempts)),
        }
        for ending, found in takeovers(workers.blows, evidence.attempts).items():
            p50, p95 = centiles(found)
            self.next_claims += [
                {"after": ending, "centile": name, "seconds": round(value, 3)}
                for name, value in (("p50", p50), ("p95", p95), ("most", max(found, default=0.0)))
                if found
            ]
            self.summary[f"next claim after {ending}"] = (
                f"p50 {p50:.2f} s, p95 {p95:.2f} s, most {max(found, default=0):.2f} s"
                f" ({len(found)})"
            )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


async def soak(plan: Plan) -> Soak:
    chance = random.Random(plan.seed)
    with tempfile.TemporaryDirectory(prefix="widthwise-soak-") as folder:
        home = Path(folder)
        async with embedded_postgres(home) as dsn:
            run = Soak(plan, dsn, home, chance)
            await run.run()
        if run.wrong:
            print((home / "workers.log").read_text()[-4_000:], file=sys.stderr)
    return run


def result(run: Soak) -> Result:
    wrong = run.wrong
    verdict = "; ".join(wrong[:20]) if wrong else "nothing lost, nothing twice, nothing left"
    found = {"seed": str(run.plan.seed)} | run.summary | {"verdict": verdict}
    panel = Panel(
        title="seconds until a job is claimed again", rows=run.next_claims, x="after", y="seconds",
        series="centile", kind="bars",
    )  # fmt: skip
    return Result(
        name="soak",
        question=question(__doc__),
        rows=[{"what": what, "value": value} for what, value in found.items()],
        panels=(panel,),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--jobs", type=int, default=500, help="edits, each with a request")
    parser.add_argument("--realms", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill-seconds", type=float, default=2.5, help="between two, about")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    add_options(parser)
    options = parser.parse_args()
    plan = Plan(
        minutes=options.minutes,
        jobs=options.jobs,
        realms=options.realms,
        workers=options.workers,
        kill_seconds=options.kill_seconds,
        seed=options.seed,
    )
    print(f"seed {plan.seed}", flush=True)
    run = anyio.run(soak, plan)
    publish(result(run), options)
    sys.exit(1 if run.wrong else 0)


if __name__ == "__main__":
    main()
