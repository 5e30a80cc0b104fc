"""One fault after the other, at random moments of passes, and what became of the jobs."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import asyncpg
from job_checks import Connection, assert_right, engine_at, generation, in_state, outcomes, until
from job_processes import JobProcess, job_process
from live_trees import write_tree
from own_postgres import OwnPostgres
from pass_checks import REALM, version_tree, versions_seen
from tcp_proxy import TcpProxy, proxied

from engine import Engine, Folder, Job, Work

FILES = 12
CLOCKS: dict[str, Any] = {"lease_seconds": 2.0, "max_attempts": 10}
SLOWLY = {f"m{n}.py": ["sleep", 0.1] for n in range(FILES)}


@dataclass
class Counts:
    """Of one kind of fault. `recoveries` are seconds from the fault to the end of the job."""

    injected: int = 0
    lost: int = 0
    double: int = 0
    stuck: int = 0
    attempts_lost: int = 0
    recoveries: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        ordered = sorted(self.recoveries)
        p50, p95 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95))
        return (
            f"{name:<24} {self.injected:>8} {self.lost:>5} {self.double:>7} {self.stuck:>6}"
            f" {self.attempts_lost:>9} {p50:>8.2f} {p95:>8.2f}"
        )


HEAD = (
    f"{'fault':<24} {'injected':>8} {'lost':>5} {'double':>7} {'stuck':>6}"
    f" {'attempts':>9} {'p50 s':>8} {'p95 s':>8}"
)


@dataclass
class Replica:
    """A worker in a process of its own, and its own wire to the database."""

    worker: JobProcess
    proxy: TcpProxy


@dataclass
class Fleet:
    """A server, two replicas, and an engine that asks for jobs."""

    server: OwnPostgres
    front: Engine
    root: Path
    replicas: list[Replica] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def add_replica(self) -> None:
        proxy = await self.stack.enter_async_context(proxied(self.server.dsn))
        worker = await self.stack.enter_async_context(
            job_process(proxy.dsn, self.root.parent, acts=SLOWLY, **CLOCKS)
        )
        self.replicas.append(Replica(worker, proxy))

    async def runner_of(self, job: Job) -> Replica:
        async with connected(self.server.dsn) as connection:
            pid = await connection.fetchval(
                "SELECT pid FROM workers WHERE id = $1", job.row.worker_id
            )
        return next(replica for replica in self.replicas if replica.worker.pid == pid)


# Does it to the process that runs the job, and returns what undoes it, when the job has ended.
Undo: TypeAlias = Callable[[], Awaitable[None]]
Fault: TypeAlias = Callable[[Fleet, Replica], Awaitable[Undo]]


async def nothing() -> None: ...


async def kill(fleet: Fleet, runner: Replica) -> Undo:
    runner.worker.kill()
    fleet.replicas.remove(runner)
    return fleet.add_replica


async def freeze(_: Fleet, runner: Replica) -> Undo:
    runner.worker.freeze()

    async def undo() -> None:
        runner.worker.go_on()

    return undo


async def cut(_: Fleet, runner: Replica) -> Undo:
    runner.proxy.cut()
    return nothing


async def black_hole(_: Fleet, runner: Replica) -> Undo:
    runner.proxy.freeze()

    async def undo() -> None:
        runner.proxy.thaw()

    return undo


async def restart(fleet: Fleet, _: Replica) -> Undo:
    await fleet.server.kill()
    await fleet.server.start()
    return nothing


FAULTS: dict[str, Fault] = {
    "kill -9": kill,
    "SIGSTOP, later SIGCONT": freeze,
    "connections cut": cut,
    "black hole, later gone": black_hole,
    "Postgres killed": restart,
}


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def fleet_at(server: OwnPostgres, root: Path) -> AsyncIterator[Fleet]:
    async with (
        engine_at(server.dsn, root.parent, work=Work.NONE, max_attempts=10) as front,
        AsyncExitStack() as stack,
    ):
        fleet = Fleet(server, front, root, stack=stack)
        write_tree(root, version_tree(0, FILES))
        await front.add_realm(REALM, Folder(root))
        for _ in range(2):
            await fleet.add_replica()
        yield fleet


async def run(server: OwnPostgres, root: Path, fault: Fault, *, times: int) -> Counts:
    """So many faults that met a running job; then the index must be right."""
    counts = Counts()
    async with fleet_at(server, root) as fleet:
        usual = await seconds_of_a_pass(fleet)
        number = 1
        while counts.injected < times:
            await one_round(fleet, fault, counts, number, usual * random.random())
            number += 1
    async with connected(server.dsn) as connection:
        await assert_right(server.dsn, connection, root)
    return counts


async def seconds_of_a_pass(fleet: Fleet) -> float:
    report = await (await fleet.front.index(REALM)).finished()
    return report.seconds


async def one_round(
    fleet: Fleet, fault: Fault, counts: Counts, number: int, after_seconds: float
) -> None:
    write_tree(fleet.root, version_tree(number, FILES))
    async with connected(fleet.server.dsn) as connection:
        before = await generation(connection)
    job = await in_state(await fleet.front.index(REALM), "running")
    runner = await fleet.runner_of(job)
    await anyio.sleep(after_seconds)
    undo = await fault(fleet, runner)
    counts.injected += not (await job.refresh()).state.is_end
    struck_at = anyio.current_time()
    try:
        await until(lambda: has_ended(job), within_seconds=30)
    except TimeoutError:
        counts.stuck += 1
    counts.recoveries.append(anyio.current_time() - struck_at)
    await undo()
    async with connected(fleet.server.dsn) as connection:
        seen = await versions_seen(connection, REALM)
        swaps = await generation(connection) - before
    ends = outcomes(await job.attempts())
    counts.lost += seen != ((number,), FILES)
    counts.double += swaps != 1 or ends.count("succeeded") != 1
    counts.attempts_lost += len(ends) - 1


async def has_ended(job: Job) -> bool:
    return (await job.refresh()).state.is_end
