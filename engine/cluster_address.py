"""Where a cluster is, as a setting says it, and whether it may be spoken to. Pure."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.errors import BadSetting

SCHEMES = ("dask", "tls")


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Of a Dask scheduler. `is_secured` says that both ends show certificates."""

    host: str
    port: int
    is_secured: bool

    @property
    def url(self) -> str:
        """As Dask writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.is_secured else 'tcp'}://{host}:{self.port}"


def cluster_address(text: str, *, unsecured: bool) -> ClusterAddress:
    """The address in `dask://HOST:PORT` or `tls://HOST:PORT`; `BadSetting` if it is none.

    Who reaches an unsecured scheduler runs code on all its workers and answers in their place,
    so one on another host has to be allowed by `unsecured`.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if (
        not host
        or not port
        or text != f"{parts.scheme}://{parts.netloc}"
        or parts.scheme not in SCHEMES
    ):
        raise BadSetting("executor: must be dask://HOST:PORT or tls://HOST:PORT")
    if "@" in parts.netloc:
        raise BadSetting("executor: a scheduler takes no user and no password; use tls://")
    address = ClusterAddress(host, port, parts.scheme == "tls")
    if not (address.is_secured or unsecured or _is_loopback(host)):
        raise BadSetting(
            f"executor: whoever reaches the scheduler at {host} runs code where it likes; use tls://,"
            " or say executor_unsecured where no stranger gets into the network"
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
