"""Returns to the system what the C library keeps of freed memory. Knows not whose it was."""

import ctypes
import sys


def give_back_freed_memory() -> None:
    """Does nothing where the C library is not glibc. Takes some milliseconds."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
