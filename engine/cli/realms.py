"""Which realm a person means. Knows the engine's names and nothing else."""

from pathlib import Path

from engine.engine import Engine
from engine.errors import EntryNotFound, RealmNotFound, WidthwiseError


class AmbiguousRealm(WidthwiseError):
    """Several realms fit what was asked for."""


async def known_names(engine: Engine) -> list[str]:
    return [realm.name for realm in await engine.realms()]


async def choose_realm(engine: Engine, wanted: str) -> str:
    """The realm of this name, of this path, or whose path ends so."""
    return match(wanted, await known_names(engine))


async def choose_realm_of(engine: Engine, key: str, wanted: str | None) -> str:
    """The realm that has an entry for `key`, if no realm is asked for."""
    if wanted:
        return await choose_realm(engine, wanted)
    having = await engine.realms_having(key)
    if not having:
        raise EntryNotFound(", ".join(await known_names(engine)) or "no realm yet", key)
    if len(having) > 1:
        raise AmbiguousRealm(f"{key!r} is in {_listed(having)}: choose one with --realm")
    return having[0]


def match(wanted: str, names: list[str]) -> str:
    """`wanted` as a name, as a path, or as the last parts of a path; pure but for the path's."""
    for exact in (wanted, str(Path(wanted).resolve())):
        if exact in names:
            return exact
    ends = [name for name in names if name.endswith("/" + wanted.strip("/"))]
    if len(ends) > 1:
        raise AmbiguousRealm(f"{wanted!r} may be {_listed(ends)}: give more of the path")
    if not ends:
        raise RealmNotFound(wanted)
    return ends[0]


def _listed(names: list[str]) -> str:
    return " or ".join(names)
