"""Hosts on one machine: network namespaces with addresses of their own. Knows no Postgres."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Host:
    """`namespace` is entered by whatever is to run there; `plug` is the other end of its cable."""

    namespace: str
    plug: str

    def unplug(self) -> None:
        """Nothing comes or goes any more, and neither side is told."""
        _ip("link", "set", self.plug, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self.plug, "up")


@dataclass(frozen=True, slots=True)
class Network:
    """`address` is that of this machine in it."""

    address: str
    subnet: str
    hosts: tuple[Host, ...]


@contextmanager
def network_of(count: int) -> Iterator[Network]:
    """So many hosts on one wire with this machine; skips the test where none can be made.

    The names are those of this call alone, and all is gone at the end.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("hosts of their own need root, and `ip` from iproute2")
    name = f"ww{secrets.token_hex(3)}"
    prefix = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}"
    with ExitStack() as stack:
        try:
            bridge = _made(stack, f"{name}b", "link", "add", f"{name}b", "type", "bridge")
            _ip("addr", "add", f"{prefix}.1/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            numbers = range(count)
            hosts = tuple(_host(stack, bridge, f"{name}{n}", f"{prefix}.{n + 2}") for n in numbers)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"hosts of their own cannot be made here: {error.stderr.strip()}")
        yield Network(f"{prefix}.1", f"{prefix}.0/24", hosts)


def _host(stack: ExitStack, bridge: str, name: str, address: str) -> Host:
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "del", name, check=False)
    plug = f"{name}p"
    _made(stack, plug, "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", plug, "master", bridge, "up")
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")
    _ip("-n", name, "link", "set", "lo", "up")
    return Host(name, plug)


def _made(stack: ExitStack, name: str, *command: str) -> str:
    _ip(*command)
    stack.callback(_ip, "link", "del", name, check=False)
    return name


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check, timeout=30)
