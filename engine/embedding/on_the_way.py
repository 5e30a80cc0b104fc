"""Texts that some pass of this process is having embedded now, so that no other one does too.

Knows no vector: who waited finds it where the other pass has kept it, and if it is not there
has the text embedded itself.

Passes of other processes are not asked. Both pay where they come to the same new text before
either has kept its vector: two branches of one repository, new to the index, in two processes
that begin at once. What would prevent it costs everybody else more:

- A lock of Postgres for each text would hold up to 4,096 of a pass, and the table of locks has
  room for 6,400 by default, all sessions together; a full one fails the transactions of others.
  With fewer locks than texts, two passes without a common text would wait for each other.
- A row for each text is a write more before every call, and a dead owner's has to be recognised.
- Neither may be waited for while texts of one's own are held, or two passes wait for each other.

With both realms in one process, which is how a server and `widthwise work` run jobs unless there
are several of them, no text is sent twice.
"""

from collections.abc import Iterable

import anyio


class OnTheWay:
    """Shared by the passes of one embedder. Each claim is held by one of them, its `owner`."""

    def __init__(self) -> None:
        self._claims: dict[bytes, object] = {}
        # Few are ever waited for, and an event is dear where there is one for each text.
        self._awaited: dict[bytes, anyio.Event] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def claim(self, owner: object, keys: Iterable[bytes]) -> set[bytes]:
        """Claim those that nobody else has; returns all of `keys` that are the owner's now."""
        return {key for key in keys if self._claims.setdefault(key, owner) is owner}

    def release(self, owner: object, keys: Iterable[bytes]) -> None:
        """They are kept, or will not come."""
        for key in keys:
            if self._claims.get(key) is owner:
                del self._claims[key]
                if released := self._awaited.pop(key, None):
                    released.set()

    async def settled(self, keys: Iterable[bytes]) -> None:
        """Wait until each of them has been released by whoever has it now."""
        for released in [self._released(key) for key in keys if key in self._claims]:
            await released.wait()

    def _released(self, key: bytes) -> anyio.Event:
        if key not in self._awaited:
            self._awaited[key] = anyio.Event()
        return self._awaited[key]
