"""How much memory a process and its descendants may take, and take. Knows not what for."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

MIB = 1 << 20

MEMBERSHIP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")

# Mostly so on Linux, but it is an option of the kernel.
KERNEL_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()

# Looking takes time that is the server's: where it takes long, on a machine with thousands
# of processes, it is done more seldom, for a twentieth of one core at most.
SAMPLE_SECONDS = 0.25
MAX_SHARE = 0.05


def limit_bytes(limit_mb: int | None, *, machine: int, groups: Iterable[int] = ()) -> int:
    """The limit that is asked for; else half of what the machine, or its groups, allow.

    The other half is the server's, the database's and the file cache's.
    """
    if limit_mb is not None:
        return limit_mb * MIB
    return min([machine, *groups]) // 2


def allowed_bytes(limit_mb: int | None) -> int:
    """`limit_bytes` on this machine."""
    return limit_bytes(limit_mb, machine=psutil.virtual_memory().total, groups=_group_limits())


def limit_files(membership: str) -> list[PurePosixPath]:
    """Where the limits of our control group and of those above it may stand.

    `membership` is what `/proc/self/cgroup` says; both versions of control groups do.
    """
    files = []
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        group = PurePosixPath(path.lstrip("/"))
        if controllers == "":
            files += [each / "memory.max" for each in (group, *group.parents)]
        elif "memory" in controllers.split(","):
            tree = PurePosixPath("memory")
            files += [tree / each / "memory.limit_in_bytes" for each in (group, *group.parents)]
    return files


def _group_limits() -> Iterable[int]:
    with suppress(OSError):  # There are no control groups here.
        for file in limit_files(MEMBERSHIP.read_text("utf-8")):
            with suppress(OSError, ValueError):  # Not visible from here, or `max`.
                yield int((CGROUPS / file).read_text("ascii"))


def resident_bytes(pid: int) -> int:
    """What a process and its descendants hold in memory; what they share counts for each."""
    return sum(map(_resident, _family(pid)))


def _family(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        yield process
        if not KERNEL_LISTS_CHILDREN:
            yield from process.children(recursive=True)
            return
        for child in _children(pid):
            yield from _family(child)


def _children(pid: int) -> Iterator[int]:
    """By the kernel's own list, where psutil looks at every process that there is."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # The thread has ended.
            yield from map(int, task.read_text("ascii").split())


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def hold_to_limit(pid: int, limit: int, *, done: threading.Event) -> int:
    """Look until `done`, and kill the group of `pid` once it is over the limit.

    Blocks, so it belongs in a thread: there it works while an event loop is blocked.
    Returns what the group held when it was killed, else 0.
    """
    pause = SAMPLE_SECONDS
    while not done.wait(pause):
        began = time.thread_time()
        if (held := resident_bytes(pid)) > limit:
            kill_group(pid)
            return held
        pause = max(SAMPLE_SECONDS, (time.thread_time() - began) / MAX_SHARE)
    return 0


def kill_group(pid: int) -> None:
    """Kill a process that leads its group, with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
