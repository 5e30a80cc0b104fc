"""What befalls hosts, and how it ends. Measures nothing."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.host_network import Host
from benchmarks.host_site import LEASE_SECONDS, Site

Deed = Callable[[Site, Host], Awaitable[None]]

# Longer than a lease and the sweep behind it, so that another host takes the job over.
AWAY_SECONDS: Final = 2 * LEASE_SECONDS

DELAY_SECONDS: Final = 0.025
LOSS: Final = 0.03


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a host with a running job, and undone after so many seconds.

    One of the database is done to all jobs that run.
    """

    name: str
    begin: Deed
    end: Deed
    seconds: float
    of_database: bool = False
    needs_slow_wires: bool = False


async def _nothing(site: Site, host: Host) -> None:
    pass


async def _kill(site: Site, host: Host) -> None:
    site.kill(host)


async def _work(site: Site, host: Host) -> None:
    site.work(host)


async def _unplug(site: Site, host: Host) -> None:
    host.unplug()


async def _plug_in(site: Site, host: Host) -> None:
    host.plug_in()


async def _swallow(site: Site, host: Host) -> None:
    host.swallow()


async def _let_through(site: Site, host: Host) -> None:
    host.let_through()


async def _slow_down(site: Site, host: Host) -> None:
    assert host.wire is not None
    host.wire.delay_seconds, host.wire.loss = DELAY_SECONDS, LOSS


async def _speed_up(site: Site, host: Host) -> None:
    assert host.wire is not None
    host.wire.delay_seconds = host.wire.loss = 0.0


async def _freeze(site: Site, host: Host) -> None:
    site.signal(host, signal.SIGSTOP)


async def _thaw(site: Site, host: Host) -> None:
    site.signal(host, signal.SIGCONT)


async def _stop_server(site: Site, host: Host) -> None:
    await site.server.stop()


async def _kill_server(site: Site, host: Host) -> None:
    await site.server.kill()


async def _start_server(site: Site, host: Host) -> None:
    await site.server.start()


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("none", _nothing, _nothing, 0),
        Fault("worker killed", _kill, _work, 1),
        Fault("link cut", _unplug, _plug_in, AWAY_SECONDS),
        Fault("black hole, link up", _swallow, _let_through, AWAY_SECONDS),
        Fault("slow link", _slow_down, _speed_up, AWAY_SECONDS, needs_slow_wires=True),
        Fault("host frozen", _freeze, _thaw, AWAY_SECONDS),
        Fault("Postgres restarted", _stop_server, _start_server, 1, of_database=True),
        Fault("Postgres killed", _kill_server, _start_server, 1, of_database=True),
        Fault(
            "Postgres away past the lease", _kill_server, _start_server, AWAY_SECONDS,
            of_database=True,
        ),
    )
}  # fmt: skip
