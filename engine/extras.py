"""Packages that not everybody needs, asked for where they are needed."""

from importlib.util import find_spec

from engine.errors import ExtraMissing


def require_protocol_of_agents() -> None:
    """`ExtraMissing` without `mcp`: it takes a second and 55 MB to import, so it is an extra."""
    if find_spec("mcp") is None:
        raise ExtraMissing("agents need the package mcp: pip install 'widthwise[mcp]'")


def require_dask() -> None:
    """`ExtraMissing` without `distributed`, which is for those who index on several hosts."""
    if find_spec("distributed") is None:
        raise ExtraMissing("a cluster needs Dask: pip install 'widthwise[dask]'")
