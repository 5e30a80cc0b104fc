"""Look again and again, and draw what is seen: in place on a terminal, else one below the other."""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from engine.cli import show
from engine.status import RealmStatus

WATCH_SECONDS = 1.0

Look = Callable[[], Awaitable[Sequence[RealmStatus]]]
Draw = Callable[[Sequence[RealmStatus]], None]


async def watch(look: Look, *, as_json: bool) -> None:
    """Until interrupted. What was seen last stays on the terminal."""
    console = Console(file=sys.stdout, highlight=False)
    in_place = console.is_terminal and not console.is_dumb_terminal and not as_json
    seen: Sequence[RealmStatus] = ()
    try:
        with _in_place(console) if in_place else _below(as_json=as_json) as draw:
            while True:
                seen = await look()
                draw(seen)
                await anyio.sleep(WATCH_SECONDS)
    finally:
        if in_place:
            show.statuses(seen, as_json=False)


@contextmanager
def _in_place(console: Console) -> Iterator[Draw]:
    """On a screen of its own, so that a resized terminal keeps no halves of lines."""
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def draw(seen: Sequence[RealmStatus]) -> None:
            rows = show.status_rows(seen)
            for row in rows:
                row.no_wrap, row.overflow = True, "ellipsis"
            live.update(Group(*rows, Text("\nCtrl-C ends this", "dim")), refresh=True)

        yield draw


@contextmanager
def _below(*, as_json: bool) -> Iterator[Draw]:
    """For files and pipes, whose readers want each look when it is had."""

    def draw(seen: Sequence[RealmStatus]) -> None:
        show.statuses(seen, as_json=as_json)
        if not as_json:
            show.line("")
        sys.stdout.flush()

    yield draw
