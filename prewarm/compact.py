"""Small pickles for small values: they cross to worker processes and back by the thousand."""

from typing import Any, Self


class Compact:
    """A frozen slotted dataclass that pickles as its class and its fields' values.

    What `dataclasses` does for such classes looks its fields up anew for each object,
    which was a sixth of the time that a pass over small files takes in its own process.
    """

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), tuple([getattr(self, name) for name in self.__match_args__])
