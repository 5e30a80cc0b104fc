"""A program: hold the server of HOME, say its DSN, let go when the standard input ends.

    embedded_hold.py HOME [fork]

With `fork`, a forked child and a started one stay behind that know nothing of it.
"""

import asyncio
import os
import runpy
import signal
import sys
from pathlib import Path

import anyio

ROOT = Path(__file__).parents[3]


async def hold(home: Path, *, fork: bool) -> None:
    from engine.index.embedded.attach import embedded_postgres

    async with embedded_postgres(home) as dsn:
        if fork:
            leave_children_behind()
        sys.stdout.write(f"{dsn}\n")
        sys.stdout.flush()
        await anyio.wait_readable(sys.stdin)


def leave_children_behind() -> None:
    os.posix_spawn("/bin/sleep", ["sleep", "600"], os.environ)  # Closes nothing by itself.
    if os.fork() == 0:
        signal.pause()


if __name__ == "__main__":
    # Started from a background job of a shell, a process is born deaf to interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Nobody here waits for the whole engine to be imported.
    boot = runpy.run_path(str(ROOT / "engine/index/embedded/boot.py"))
    boot["enter_past_doors"]()
    asyncio.run(hold(Path(sys.argv[1]), fork="fork" in sys.argv))
