"""Is a job lost, or done twice, when hosts, links and the database between them fail?

    python -m benchmarks.hosts
    python -m benchmarks.hosts --rounds 6 --faults "link cut" "black hole, link up"

Two hosts run `widthwise work` and a third one Postgres, each in a network namespace with an address
of its own (Linux, root, `ip` and `bridge` of iproute2). In each round every file of every realm is
edited and a pass asked for; then the host that runs the most is hit by the fault, which ends after
a while. `takeovers` are the claims that ended by it, and their seconds go from the blow to the
next claim of the job. Readers search from this machine meanwhile; `unserved_seconds` is the longest
time between two answers. When all is quiet every live index is compared with a fresh one of the
same files. Exits with 1 if anything is wrong.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio
import asyncpg

from benchmarks.host_faults import FAULTS, Fault
from benchmarks.host_network import Host, NoHosts, network_of
from benchmarks.host_site import LEASE_SECONDS, Site, front, site
from benchmarks.job_killer import Blow
from benchmarks.job_verdict import (
    AUDIT_TABLE,
    Evidence,
    Request,
    centiles,
    differences,
    double_swaps,
    gather,
    judge,
    live,
    takeovers,
    unanswered,
)
from benchmarks.results import Panel, Result, add_options, figures, publish, question
from engine import Engine, Folder, Work

REALMS: Final = 3
FILES: Final = 10
FUNCTIONS: Final = 8

QUIET_SECONDS: Final = 90.0
READ_PAUSE_SECONDS: Final = 0.05
INTO_A_PASS_SECONDS: Final = 0.5

UNENDED = "SELECT count(*) FROM jobs WHERE state IN ('pending', 'running')"


@dataclass(frozen=True, slots=True)
class Row:
    """`lost` are requests that no pass answered, `differing` files that a fresh index has else."""

    fault: str
    blows: int
    jobs: int
    lost: int
    swapped_twice: int
    given_up: int
    differing: int
    takeovers: int
    takeover_seconds_p50: float | None
    takeover_seconds_max: float | None
    unserved_seconds: float
    seconds: float


@dataclass(slots=True)
class Trial:
    """One fault, some times over, on hosts of its own."""

    fault: Fault
    site: Site
    requests: list[Request] = field(default_factory=list)
    blows: list[Blow] = field(default_factory=list)
    struck: int = 0
    unserved: float = 0.0
    wrong: list[str] = field(default_factory=list)

    async def run(self, rounds: int) -> Row:
        began = time.monotonic()
        async with front(self.site) as engine:
            await self._plant(engine)
            for host in self.site.hosts:
                self.site.work(host)
            await self._quiet()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read, engine)
                for number in range(1, rounds + 1):
                    await self._round(engine, number)
                tasks.cancel_scope.cancel()
            self.wrong += await self.site.stop()
        async with asyncpg.create_pool(self.site.server.dsn, min_size=1, max_size=2) as pool:
            evidence = await gather(pool, self.requests)
            self.wrong += judge(replace(evidence, left=_left(evidence)))
            differing = await self._differing(pool)
        return self._row(evidence, differing, time.monotonic() - began)

    async def _plant(self, engine: Engine) -> None:
        connection = await asyncpg.connect(self.site.server.dsn)
        try:
            await connection.execute(AUDIT_TABLE)
        finally:
            await connection.close()
        for name in self._names():
            root = self._root(name)
            root.mkdir(parents=True)
            write(root, 0)
            await (await engine.add_realm(name, Folder(root))).index()

    async def _round(self, engine: Engine, number: int) -> None:
        for name in self._names():
            at = await self._now()
            write(self._root(name), number)
            job = await engine.index(name)
            self.requests.append(Request(job.id, at))
        with anyio.fail_after(QUIET_SECONDS):
            victim, running = await self._at_work()
        self.blows += [Blow(self.fault.name, row["id"], row["token"], row["at"]) for row in running]
        self.struck += 1
        await self.fault.begin(self.site, victim)
        # That nothing can be waited for is the fault.
        await anyio.sleep(self.fault.seconds)
        await self.fault.end(self.site, victim)
        await self._quiet()

    async def _at_work(self) -> tuple[Host, list[asyncpg.Record]]:
        """The host that runs the most, in the middle of it, and the claims that the fault hits."""
        while True:
            await anyio.sleep(INTO_A_PASS_SECONDS)
            running = {host: await self.site.running(host) for host in self.site.hosts}
            victim = max(running, key=lambda host: len(running[host]))
            if running[victim]:
                hit = self.site.hosts if self.fault.of_database else (victim,)
                return victim, [row for host in hit for row in running[host]]

    async def _quiet(self) -> None:
        with anyio.move_on_after(QUIET_SECONDS):
            while (await self.site.fetch(UNENDED))[0]["count"]:  # noqa: ASYNC110 - a row
                await anyio.sleep(0.05)

    async def _read(self, engine: Engine) -> None:
        answered = anyio.current_time()
        while True:
            try:
                hits = await engine.search("what is it", realm=self._names()[0], limit=1)
            except Exception:
                # Whatever it says, nobody was served.
                hits = []
            now = anyio.current_time()
            self.unserved = max(self.unserved, now - answered)
            answered = now if hits else answered
            await anyio.sleep(READ_PAUSE_SECONDS)

    async def _differing(self, pool: asyncpg.Pool) -> int:
        """Every live index with one that is made from nothing, by an engine without a history."""
        count = 0
        async with front(self.site, work=Work.ADDED) as engine:
            for name in self._names():
                fresh = await engine.add_realm(f"fresh {name}", Folder(self._root(name)))
                await (await fresh.index()).finished()
                found = differences(await live(pool, name), await live(pool, fresh.name))
                self.wrong += [f"{name}: {key} is not as in a fresh index" for key in found]
                count += len(found)
        return count

    def _row(self, evidence: Evidence, differing: int, seconds: float) -> Row:
        found = takeovers(self.blows, evidence.attempts).get(self.fault.name, [])
        return Row(
            self.fault.name,
            self.struck,
            sum(evidence.states.values()),
            len(list(unanswered(evidence))),
            len(list(double_swaps(evidence))),
            evidence.states["failed"],
            differing,
            len(found),
            round(centiles(found)[0], 2) if found else None,
            round(max(found), 2) if found else None,
            round(self.unserved, 2),
            round(seconds, 1),
        )

    async def _now(self) -> datetime:
        moment: datetime = (await self.site.fetch("SELECT clock_timestamp() AS now"))[0]["now"]
        return moment

    def _names(self) -> list[str]:
        return [f"realm {number}" for number in range(REALMS)]

    def _root(self, name: str) -> Path:
        return self.site.home / "trees" / name


def _left(evidence: Evidence) -> dict[str, int]:
    """But for vectors of which a worker that lost its claim has heard: they wait for a day."""
    return {what: count for what, count in evidence.left.items() if what != "waiting vectors"}


def write(root: Path, number: int) -> None:
    """Every function new: each of its texts has to be embedded again."""
    for file in range(FILES):
        functions = (
            f"def what_{root.name[-1]}_{file}_{each}(it):\n    return it + {number}\n"
            for each in range(FUNCTIONS)
        )
        (root / f"m{file}.py").write_text("\n\n".join(functions))


async def measure(faults: Sequence[Fault], rounds: int) -> tuple[list[Row], list[str]]:
    rows, wrong = [], []
    for fault in faults:
        with tempfile.TemporaryDirectory(prefix="widthwise-hosts-") as folder:
            home = Path(folder)
            async with site(home, slow=fault.needs_slow_wires) as at:
                trial = Trial(fault, at)
                rows.append(await trial.run(rounds))
            wrong += [f"{fault.name}: {each}" for each in trial.wrong]
            if trial.wrong:
                print(at.log.read_text()[-4_000:], file=sys.stderr)
        print(f"{fault.name}: {rows[-1].seconds:.0f} s", flush=True)
    return rows, wrong


def result(rows: Sequence[Row], wrong: Sequence[str]) -> Result:
    cells = figures(rows)
    verdict = "; ".join(wrong[:20]) or "nothing lost, nothing twice, nothing left"
    return Result(
        name="hosts",
        question=question(__doc__),
        rows=cells,
        panels=[
            Panel(title=title, rows=cells, x="fault", y=y, kind="bars")
            for title, y in (
                ("seconds until another worker has the job, the most", "takeover_seconds_max"),
                ("longest time between two answers, s", "unserved_seconds"),
            )
        ],
        notes=(f"The lease is {LEASE_SECONDS:g} s. Verdict: {verdict}.",),
    )


def main() -> None:
    # The pools say, each time, that they can't reach what is made unreachable here.
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=question(__doc__))
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault happens")
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=FAULTS)
    add_options(parser)
    options = parser.parse_args()
    try:
        with network_of(1):
            pass
    except NoHosts as why:
        sys.exit(str(why))
    rows, wrong = anyio.run(measure, [FAULTS[name] for name in options.faults], options.rounds)
    publish(result(rows, wrong), options)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
