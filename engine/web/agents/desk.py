"""Where an agent's call is answered: what its sender may see, and which file it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import anyio

from engine.errors import RealmNotFound, WidthwiseError
from engine.index.live import RealmRow
from engine.web.hosting import Host
from engine.web.visible import Visible

MOST_REALMS = 500
NAMED_REALMS = 5


class Unclear(WidthwiseError):
    """No file or realm fits what was said, or several do."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One caller: what it sees, under which rules, and how many searches run at once."""

    seen: Visible
    host: Host
    searches: anyio.CapacityLimiter

    @property
    def may_write(self) -> bool:
        return self.host.agents_may_write and self.seen.access.can_write

    async def file(self, path: str, realm: str | None) -> tuple[str, str]:
        """The realm and the key of a file; `Unclear` says what to do."""
        if realm is not None:
            row = await self.realm(realm)
            return row.name, key_in(row.source, path) or _tidy(path)
        if path.startswith("/"):
            return await self._by_place(path)
        key = _tidy(path)
        names = await self.seen.engine.realms_having(
            key, tenants=self.seen.tenants, limit=NAMED_REALMS
        )
        if len(names) == 1:
            return names[0], key
        raise _unclear(key, names)

    async def _by_place(self, path: str) -> tuple[str, str]:
        """By the folder that a realm was made of; the innermost one, where they are nested."""
        rows = await self.seen.engine.page_realms(tenants=self.seen.tenants, limit=MOST_REALMS)
        found = [(row, key) for row in rows if (key := key_in(row.source, path))]
        if not found:
            raise _unclear(path, [])
        shortest = min(len(key) for _, key in found)
        names = [row.name for row, key in found if len(key) == shortest]
        if len(names) > 1:
            raise _unclear(path, names)
        return names[0], next(key for _, key in found if len(key) == shortest)

    async def realm(self, name: str) -> RealmRow:
        try:
            return await self.seen.realm(name)
        except RealmNotFound:
            raise Unclear(f"realm {name!r}: not known here; `status` tells the names") from None


def key_in(source: Mapping[str, str], path: str) -> str:
    """The key of a file by its path on the disk, if a realm's folder holds it; else nothing."""
    folder = source.get("path", "")
    inside = folder.startswith("/") and path.startswith(folder.rstrip("/") + "/")
    return _tidy(path[len(folder.rstrip("/")) + 1 :]) if inside else ""


def _tidy(path: str) -> str:
    """`./src//shop.py` as keys are written."""
    return str(PurePosixPath(path))


def _unclear(path: str, names: list[str]) -> Unclear:
    if names:
        listed = ", ".join(repr(name) for name in names)
        return Unclear(f"{path!r} is in several realms: give `realm`, one of {listed}")
    return Unclear(
        f"no realm has a file {path!r}: take a path as `search` shows it; `status` lists the realms"
    )
