"""Whether what speaks the protocol is installed. It is not small, so it is an extra."""

from http import HTTPStatus
from importlib.util import find_spec

from engine.web.problem import Problem

ABSENT = "agents are served with the package `mcp`: pip install 'widthwise[mcp]'"


def require_protocol() -> None:
    """`Problem` without the package `mcp`."""
    if not has_protocol():
        raise Problem(HTTPStatus.NOT_IMPLEMENTED, ABSENT)


def has_protocol() -> bool:
    return find_spec("mcp") is not None
