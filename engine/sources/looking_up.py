"""Look up where a host is, for those who may ask public addresses only."""

import socket
from collections.abc import Sequence

import anyio

from engine.sources.errors import SourceError
from engine.sources.git_url import Remote, check_addresses


async def checked_addresses(remote: Remote) -> Sequence[str]:
    """The addresses of its host, at least one. Raises `SourceRefused` if any is a private one.

    Whoever connects has to ask one of these: a name can mean another address a moment later.
    """
    name = remote.host.strip("[]")
    try:
        found = await anyio.getaddrinfo(name, remote.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceError(f"{remote.url}: can't be looked up: {error.strerror}") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses:
        raise SourceError(f"{remote.url}: its host has no address")
    check_addresses(remote, addresses)
    return addresses
