"""Functions that travel to worker processes by name."""

import os
import sys
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise ValueError(f"no {number}")


class Stubborn(Exception):
    """Can be pickled, but not opened again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("stubborn")


def refuse_stubbornly(_: int) -> None:
    raise Stubborn(1, 2)


def die_at_seven(number: int) -> int:
    if number == 7:
        os._exit(3)
    return number


def hang_at_seven(number: int) -> int:
    while number == 7:
        time.sleep(1)
    return number


def chatter(number: int) -> int:
    sys.stdout.write("a library that prints\n")
    sys.stdout.flush()
    return number


def pid(_: int) -> int:
    return os.getpid()


def meet(places: tuple[str, str]) -> bool:
    """Leave a mark, and tell whether the other one's mark appears while this call runs."""
    own, other = map(Path, places)
    own.touch()
    deadline = time.monotonic() + 20
    while not other.exists() and time.monotonic() < deadline:
        pass
    return other.exists()
