"""Hosts on one machine: network namespaces with addresses of their own. Knows no Postgres."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.host_wire import SlowWire, slow_wire


class NoHosts(Exception):
    """Why none can be made here."""


@dataclass(frozen=True, slots=True)
class Host:
    """`namespace` is entered by whatever is to run there; `plug` is the other end of its cable.

    A `wire` is there if the network was made with slow ones.
    """

    namespace: str
    address: str
    hardware: str
    plug: str
    wire: SlowWire | None = None

    @property
    def entering(self) -> tuple[str, ...]:
        """The start of a command that runs the rest of it here, as the same process."""
        return ("ip", "netns", "exec", self.namespace)

    def unplug(self) -> None:
        """The host sees that it has no carrier; nothing comes or goes any more."""
        _ip("link", "set", self.plug, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self.plug, "up")

    def swallow(self) -> None:
        """What is sent is lost on the way, both ways: the link is up, and nobody is told."""
        _run("bridge", "link", "set", "dev", self.plug, "state", "0")

    def let_through(self) -> None:
        _run("bridge", "link", "set", "dev", self.plug, "state", "3")

    def processes(self) -> list[int]:
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]


@dataclass(frozen=True, slots=True)
class Network:
    """`address` is that of this machine in it."""

    address: str
    subnet: str
    hosts: tuple[Host, ...]


@contextmanager
def network_of(count: int, *, slow: bool = False) -> Iterator[Network]:
    """So many hosts on one switch with this machine; `NoHosts` where none can be made.

    With `slow` what they send goes through wires that can be told to delay and to lose. The
    names are those of this call alone, and all is gone at the end.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise NoHosts("hosts of their own need root, and `ip` from iproute2")
    name = f"ww{secrets.token_hex(3)}"
    prefix = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}"
    with ExitStack() as stack:
        try:
            network = _made(stack, name, prefix, count, slow=slow)
        except (OSError, subprocess.CalledProcessError) as error:
            why = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            raise NoHosts(f"hosts of their own cannot be made here: {str(why).strip()}") from None
        yield network


def _made(stack: ExitStack, name: str, prefix: str, count: int, *, slow: bool) -> Network:
    bridge, hardware = f"{name}b", _hardware(name, 1)
    _ip("link", "add", bridge, "address", hardware, "type", "bridge")
    stack.callback(_ip, "link", "del", bridge, check=False)
    _ip("addr", "add", f"{prefix}.1/24", "dev", bridge)
    _ip("link", "set", bridge, "up")
    hosts: list[Host] = []
    for number in range(2, count + 2):
        host = _host(stack, name, number, f"{prefix}.{number}", slow=slow)
        _ip("link", "set", host.plug, "master", bridge, "up")
        hosts.append(host)
    here = Host("", f"{prefix}.1", hardware, bridge)
    for each in (here, *hosts):
        _introduce(each, [other for other in (here, *hosts) if other is not each])
    return Network(here.address, f"{prefix}.0/24", tuple(hosts))


def _host(stack: ExitStack, network: str, number: int, address: str, *, slow: bool) -> Host:
    name = f"{network}{number}"
    plug, hardware = f"{name}p", _hardware(network, number)
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "del", name, check=False)
    if slow:
        wire = stack.enter_context(slow_wire(plug, f"{name}q"))
        _ip("link", "set", f"{name}q", "netns", name, "name", "eth0", "address", hardware)
    else:
        wire = None
        _ip(*f"link add {plug} type veth peer name eth0 address {hardware} netns {name}".split())
        stack.callback(_ip, "link", "del", plug, check=False)
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "link", "set", "lo", "up")
    return Host(name, address, hardware, plug, wire)


def _introduce(host: Host, others: Sequence[Host]) -> None:
    """Have it ask nobody where they are: else it learns by silence that they are not there.

    On a network with a router between, which this one stands for, a sender learns nothing.
    """
    device = "eth0" if host.namespace else host.plug
    inside = ("-n", host.namespace) if host.namespace else ()
    lines = (f"neigh replace {o.address} lladdr {o.hardware} dev {device}\n" for o in others)
    _ip(*inside, "-batch", "-", told="".join(lines))


def _hardware(name: str, number: int) -> str:
    """An address for a network card, of the range that anybody may give."""
    digits = f"02{name.removeprefix('ww')}00{number:02x}"
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _ip(*arguments: str, check: bool = True, told: str = "") -> str:
    return _run("ip", *arguments, check=check, told=told)


def _run(*command: str, check: bool = True, told: str = "") -> str:
    done = subprocess.run(
        command, input=told, capture_output=True, text=True, check=check, timeout=30
    )
    return done.stdout
