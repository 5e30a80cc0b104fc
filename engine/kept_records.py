"""What the live index remembers of files, kept between the passes of one process."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from engine.discover import Recorded
from engine.index import live
from engine.index.database import Queryable

# Some 12 MB, over all realms of the process.
MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pass left its realm: its token, and the generation before it and after it."""

    token: UUID
    before: int
    after: int


class KeptRecords:
    """Spares a pass to read again what an earlier pass of this process has read.

    What is kept holds while the realm has the token of the pass that left it, since whoever
    writes begins with a token of its own; and its generation, since a server that crashed, or
    one that took over from it, may have lost the swap and not the token.
    """

    def __init__(self, *, max_files: int = MAX_FILES) -> None:
        self._max_files = max_files
        self._kept: OrderedDict[int, tuple[Standing, Mapping[str, Recorded]]] = OrderedDict()

    async def recorded(self, database: Queryable, realm_id: int) -> Mapping[str, Recorded]:
        """Of each file of the live index. Nobody else may be about to swap."""
        kept = self._kept.pop(realm_id, None)
        if kept is not None:
            standing, known = kept
            written = await live.recorded_since(
                database,
                realm_id,
                token=standing.token,
                generation=standing.after,
                since=standing.before,
            )
            if written is not None:
                return {**known, **written}
        return await live.recorded(database, realm_id)

    def keep(self, realm_id: int, standing: Standing, recorded: Mapping[str, Recorded]) -> None:
        """Keep what is as it was before a pass wrote the files that it visited, if it did."""
        self._kept[realm_id] = standing, recorded
        files = sum(len(known) for _, known in self._kept.values())
        while files > self._max_files:
            _, (_, forgotten) = self._kept.popitem(last=False)
            files -= len(forgotten)
