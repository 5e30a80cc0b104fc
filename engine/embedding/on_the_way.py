"""Texts that some pass of this process is having embedded now, so that no other one does too.

Knows no vector: who waited finds it where the other pass has kept it, and if it is not there
has the text embedded itself.
"""

from collections.abc import Iterable

import anyio


class OnTheWay:
    """Shared by the passes of one embedder. Each claim is held by one of them, its `owner`."""

    def __init__(self) -> None:
        self._claims: dict[bytes, tuple[object, anyio.Event]] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def claim(self, owner: object, keys: Iterable[bytes]) -> set[bytes]:
        """Claim those that nobody else has; returns all of `keys` that are the owner's now."""
        mine = set()
        for key in keys:
            holder, _ = self._claims.setdefault(key, (owner, anyio.Event()))
            if holder is owner:
                mine.add(key)
        return mine

    def release(self, owner: object, keys: Iterable[bytes]) -> None:
        """They are kept, or will not come."""
        for key in keys:
            if key in self._claims and self._claims[key][0] is owner:
                self._claims.pop(key)[1].set()

    async def settled(self, keys: Iterable[bytes]) -> None:
        """Wait until each of them has been released by whoever has it now."""
        for _, released in [self._claims[key] for key in keys if key in self._claims]:
            await released.wait()
