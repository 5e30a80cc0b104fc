"""How far a transfer is, from what git says of it. Pure; trusts neither git nor the server."""

import re

# What the server does comes under its name, what git does itself without one.
_STAGE = re.compile(
    r"(remote: (?:Counting|Compressing) objects|Receiving objects|Resolving deltas): +"
    r"\d{1,3}% \((\d{1,12})/(\d{1,12})\)"
)

# Of one stage, so that the sum over a few commands is an `integer` of the database.
MAX_COUNT = 100_000_000


class TransferCounts:
    """Steps done and known of, over the stages of the commands that bring a source.

    They only rise, whatever is said, also when a command has to begin anew.
    """

    def __init__(self) -> None:
        self._before = (0, 0)
        self._stages: dict[str, tuple[int, int]] = {}

    def begin(self) -> None:
        """Another command begins, whose stages count from nothing."""
        self._before, self._stages = self._sum(), {}

    def hear(self, line: str) -> tuple[int, int] | None:
        """The counts after a line of git's that moved them, or nothing."""
        found = _STAGE.match(line)
        if found is None:
            return None
        stage, before = found[1], self._stages.get(found[1], (0, 0))
        total = max(before[1], min(int(found[3]), MAX_COUNT))
        done = max(before[0], min(int(found[2]), total))
        if (done, total) == before:
            return None
        self._stages[stage] = done, total
        return self._sum()

    def _sum(self) -> tuple[int, int]:
        dones, totals = zip(self._before, *self._stages.values(), strict=True)
        return sum(dones), sum(totals)
