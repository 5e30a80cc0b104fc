"""A lock on a file that the kernel releases however its holder dies. Knows not what it guards."""

import fcntl
import os
import weakref
from pathlib import Path
from typing import Self


class FileLock:
    """One flock, on an open file description of its own.

    Two of them in one process exclude each other like two processes do. It does not
    pass to programs that this process starts, and a forked child gives it up at once:
    a child that outlives its parent must not count as a holder.
    """

    _descriptor: int

    def __init__(self, path: Path) -> None:
        self._adopt(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @classmethod
    def inherited(cls, descriptor: int) -> Self:
        """The lock that the process which started this one already holds."""
        lock = cls.__new__(cls)
        os.set_inheritable(descriptor, False)
        lock._adopt(descriptor)
        return lock

    def fileno(self) -> int:
        return self._descriptor

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def wait_exclusive(self) -> None:
        """Blocks the thread without a bound: for a thread that has nothing else to do."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Releases the lock, also for the processes that inherited it."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Releases the lock, unless a process that inherited it still holds it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _adopt(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _open_locks.add(self)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock, shared or exclusive."""
    lock = FileLock(path)
    try:
        return not lock.try_exclusive()
    finally:
        lock.close()


_open_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _give_up_in_child() -> None:
    for lock in list(_open_locks):
        lock.close()


os.register_at_fork(after_in_child=_give_up_in_child)
