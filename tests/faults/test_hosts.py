"""Workers on hosts of their own, whose link to the database is cut and heals."""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
from job_checks import (
    Connection,
    asked,
    assert_right,
    engine_at,
    finished,
    generation,
    outcomes,
)
from job_processes import JobProcess, job_process
from live_trees import write_tree
from own_postgres import OwnPostgres, own_postgres
from pass_checks import REALM, rows_of, version_tree

from benchmarks.host_network import Host, Network, NoHosts, network_of
from engine import Engine, Job, Work

QUICK: dict[str, Any] = {"lease_seconds": 1.5, "embed_timeout_seconds": 1}


@dataclass(frozen=True)
class Hosts:
    """A host with the database, two that reach it, and who asks and looks from this machine."""

    server: OwnPostgres
    hosts: tuple[Host, ...]
    front: Engine
    connection: Connection
    home: Path
    stack: AsyncExitStack

    async def worker(self, host: Host, **options: Any) -> JobProcess:
        return await self.stack.enter_async_context(
            job_process(self.server.dsn, self.home, namespace=host.namespace, **options)
        )

    async def now(self) -> datetime:
        moment: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        return moment


@contextmanager
def three_hosts() -> Iterator[Network]:
    try:
        with network_of(3) as network:
            yield network
    except NoHosts as why:
        pytest.skip(str(why))


@asynccontextmanager
async def two_hosts(home: Path) -> AsyncIterator[Hosts]:
    with three_hosts() as network:
        one, two, far = network.hosts
        async with (
            own_postgres(
                home / "server",
                subnet=network.subnet,
                address=far.address,
                entering=far.entering,
            ) as server,
            engine_at(server.dsn, home, work=Work.NONE) as front,
            AsyncExitStack() as stack,
        ):
            connection = await asyncpg.connect(server.dsn)
            stack.push_async_callback(connection.close)
            yield Hosts(server, (one, two), front, connection, home, stack)


async def cut_off_at_work(
    hosts: Hosts, root: Path, cut: Callable[[Host], None] = Host.unplug, **options: Any
) -> tuple[Job, JobProcess]:
    """A job whose worker can't be reached any more, while another one would have work."""
    acts = {key: "wait" for key in version_tree(0, 12) if key.endswith(".py")}
    worker = await hosts.worker(hosts.hosts[0], acts=acts, **options)
    job = await asked(hosts.front, root)
    await worker.says("waits")
    await hosts.worker(hosts.hosts[1], **options)
    cut(hosts.hosts[0])
    return job, worker


@pytest.mark.parametrize(
    ("cut", "heal"),
    [
        pytest.param(Host.unplug, Host.plug_in, id="no carrier", marks=pytest.mark.long),
        pytest.param(Host.swallow, Host.let_through, id="black hole"),
    ],
)
async def test_a_host_that_is_cut_off_is_replaced_and_does_no_harm_when_it_comes_back(
    root: Path, tmp_path: Path, cut: Callable[[Host], None], heal: Callable[[Host], None]
) -> None:
    async with two_hosts(tmp_path) as hosts:
        job, zombie = await cut_off_at_work(hosts, root, cut, deaf=True, **QUICK)
        await finished(job)
        swapped = await rows_of(hosts.connection)
        heal(hosts.hosts[0])
        zombie.tell("go")
        # It goes on as if nothing had happened, and is refused.
        await zombie.says("log", containing="-> stale")
        assert outcomes(await job.attempts()) == ["lost", "succeeded"]
        assert await rows_of(hosts.connection) == swapped
        assert await generation(hosts.connection) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", ["black hole, link up", "Postgres away past the lease"])
async def test_commands_that_work_on_two_hosts_lose_no_job_and_swap_none_twice(
    name: str, tmp_path: Path
) -> None:
    from benchmarks.host_faults import FAULTS
    from benchmarks.host_site import site
    from benchmarks.hosts import Trial

    with three_hosts():
        pass
    async with site(tmp_path) as at:
        trial = Trial(FAULTS[name], at)
        row = await trial.run(1)
        assert trial.wrong == [], at.log.read_text()[-4_000:]
    assert row.takeovers > 0


@pytest.mark.long
async def test_the_server_ends_the_sessions_of_a_host_that_is_cut_off_long_before_a_lease_ends(
    root: Path, tmp_path: Path
) -> None:
    async with two_hosts(tmp_path) as hosts:
        job, _ = await cut_off_at_work(hosts, root, lease_seconds=600.0)
        since = await hosts.now()
        await finished(job)
        lost, won = await job.attempts()
        assert (lost.outcome, won.outcome) == ("lost", "succeeded")
        assert 5 < (won.started_at - since).total_seconds() < 30


@pytest.mark.long
async def test_a_host_that_was_cut_off_while_it_had_nothing_to_do_works_when_it_is_back(
    root: Path, tmp_path: Path
) -> None:
    async with two_hosts(tmp_path) as hosts:
        await hosts.worker(hosts.hosts[0], lease_seconds=600.0)
        hosts.hosts[0].unplug()
        # Until both sides have given the sessions up.
        await anyio.sleep(20)
        hosts.hosts[0].plug_in()
        job = await asked(hosts.front, root)
        await finished(job)
        assert outcomes(await job.attempts()) == ["succeeded"]


@pytest.mark.long
async def test_links_that_are_cut_and_heal_lose_no_job_and_swap_none_twice(
    root: Path, tmp_path: Path
) -> None:
    chance = random.Random(0)
    async with two_hosts(tmp_path) as hosts:
        for host in hosts.hosts:
            slowly = {f"m{number}.py": ["sleep", 0.2] for number in range(12)}
            await hosts.worker(host, acts=slowly, max_attempts=50, **QUICK)
        for count in range(1, 11):
            if count == 1:
                job = await asked(hosts.front, root)
            else:
                write_tree(root, version_tree(count, 12))
                job = await hosts.front.index(REALM)
            for _ in range(chance.randrange(1, 4)):
                host = chance.choice(hosts.hosts)
                await anyio.sleep(chance.random())
                host.unplug()
                await anyio.sleep(3 * chance.random())
                host.plug_in()
            await finished(job)
            assert await generation(hosts.connection) == count
        await hosts.stack.aclose()
        connection = await asyncpg.connect(hosts.server.dsn)
        try:
            await assert_right(hosts.server.dsn, connection, root)
        finally:
            await connection.close()
