"""How many batches may be under way at once, by what the provider has stood. Pure."""

import math

# Less than halving: the next step up meets the limit soon again, and what a refusal costs
# is one short call.
SHRINK = 0.7


class Window:
    """Additive increase, multiplicative decrease, between 1 and `limit`.

    It begins at the limit: most providers stand what they are set up for, and those that
    do not say so at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = float(limit)

    @property
    def size(self) -> int:
        return math.floor(self._size)

    def grow(self) -> None:
        """An answer came: one more for each round of answers."""
        self._size = min(self._limit, self._size + 1 / self._size)

    def shrink(self, under_way: int) -> None:
        """The provider could not stand so many; asked once for each round of refusals."""
        self._size = max(1.0, min(self._size, under_way) * SHRINK)
