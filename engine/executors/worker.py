"""One worker process: reads batches from its input, writes their outcomes, ends at its end.

Started as a program of its own, so that nothing of the caller's main module is imported
again and a script without a `__main__` guard is safe.
"""

import os
import pickle
import signal
import sys
from typing import Any, BinaryIO

from engine.executors import frames
from engine.executors.executor import Job


def main() -> None:
    # A Ctrl-C in the terminal reaches the whole group; the pool decides when workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = private_output()
    jobs = sys.stdin.buffer
    results.write(frames.READY)
    results.flush()
    while True:
        try:
            batch: list[Job] = frames.read(jobs)
        except EOFError:
            return
        results.write(frames.encode([outcome(job) for job in batch]))
        results.flush()


def private_output() -> BinaryIO:
    """Keep the pipe to ourselves: a library that prints must not write into a frame."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def outcome(job: Job) -> tuple[Any, Exception | None]:
    """What the call gives: its result, or what it raised."""
    function, item = job
    try:
        return function(item), None
    except Exception as error:
        return None, _portable(error)


def _portable(error: Exception) -> Exception:
    """The error, if it survives the way back; else what it says."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    main()
