"""Where CPU work runs. Knows nothing of what the work is."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs a pure function on items, away from the event loop.

    The function is a module's own (it travels by name), and so are the items' types.
    What it raises is raised here; `WorkerDied` says that an item took its worker along,
    which is told of that item alone. A cancelled call gives its worker up.
    """

    async def run(self, function: Callable[[Item], Result], item: Item) -> Result: ...


# Opens an executor on other hosts for the length of a block.
Elsewhere = Callable[[], AbstractAsyncContextManager[Executor]]

Job = tuple[Callable[[Any], Any], Any]
