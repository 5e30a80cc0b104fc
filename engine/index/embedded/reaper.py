"""Start a Postgres, and stop it when nobody uses it any more. A process of its own.

It lives in its own session, so that neither the death of the process that started it
nor a signal to that one's terminal reaches it. The users are counted by the kernel: each
holds `users.lock` shared, however it dies it lets go, and whoever gets it exclusively
knows that nobody is left.

1. The last user leaves, and a new one comes while the reaper is about to stop the server.
2. Either the new one has its shared lock first: then the reaper goes on waiting.
3. Or the reaper has its exclusive lock first: then the new one waits until the server is
   down and the reaper gone, and starts another.
So nobody is ever handed a server that is being stopped.
"""

import contextlib
import enum
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from engine.index.embedded import cluster as clusters
from engine.index.embedded import wire
from engine.index.embedded.cluster import Cluster
from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError
from engine.index.embedded.file_lock import FileLock
from engine.index.embedded.layout import DATABASE, Layout
from engine.index.embedded.socket_folder import find_socket_folder

READY = "ready"
START_SECONDS = 600
# Fast shutdown writes a checkpoint; the harsher ones leave the work to the next start.
STOP_SIGNALS = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
RESTARTS, RESTARTS_WITHIN_SECONDS = 5, 60
LOG_BYTES = 4 << 20
LOG_CHECK_SECONDS = 60


class Event(enum.Enum):
    UNUSED = enum.auto()
    GONE = enum.auto()


def main() -> None:
    """`argv` is home, binaries and the descriptor of the reaper lock; stdout takes the report."""
    home, binaries, descriptor = sys.argv[1:]
    if os.fork():
        os._exit(0)  # The one that started us need not wait for us, nor find us a zombie.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, lambda *_: None)
    lock = FileLock.inherited(int(descriptor))
    try:
        Reaper(Cluster.of(Layout(Path(home)), Path(binaries))).run()
    except EmbeddedPostgresError as failure:
        _report(str(failure))
    except OSError as error:
        _report(f"{error.filename or home}: {error.strerror or error}; {ELSEWHERE}")
    finally:
        lock.close()


class Reaper:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._layout = cluster.layout
        self._events: queue.SimpleQueue[tuple[Event, FileLock]] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts: deque[float] = deque(maxlen=RESTARTS)
        self._folder: Path | None = None

    def run(self) -> None:
        """Returns when the server is stopped and its traces are removed."""
        lock = FileLock(self._layout.server_lock)
        if self._is_free(lock):
            self._start(lock)
        lock.close()
        self._watch(Event.GONE, self._layout.server_lock)
        self._watch(Event.UNUSED, self._layout.users_lock)
        _report(READY)
        self._serve_until_unused()
        self._stop()

    def _is_free(self, lock: FileLock) -> bool:
        """False when a server of a reaper that was killed runs on: it is taken over."""
        deadline = time.monotonic() + START_SECONDS
        while not lock.try_exclusive():
            self._folder = self._layout.announced()
            if self._listening_pid() is not None:
                return False
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"{self._layout.data}: a Postgres without a socket works on it: stop it"
                )
            time.sleep(0.02)
        return True

    def _start(self, lock: FileLock) -> None:
        clusters.prepare(self._cluster, lock)
        folder = self._folder or find_socket_folder(self._layout, self._cluster.account)
        try:
            self._process = self._answering(lock, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder = folder
        self._layout.announce(folder)

    def _answering(self, lock: FileLock, folder: Path) -> subprocess.Popen[bytes]:
        log_start = self._layout.log.stat().st_size
        process = clusters.start(self._cluster, lock, folder)
        try:
            clusters.await_answer(
                process, folder, self._layout.log,
                log_start=log_start, deadline=time.monotonic() + START_SECONDS,
            )  # fmt: skip
        except BaseException:
            process.kill()
            process.wait(10)
            raise
        return process

    def _watch(self, event: Event, path: Path) -> None:
        """A thread of its own waits for the lock, so that nothing is polled."""
        lock = FileLock(path)

        def wait() -> None:
            lock.wait_exclusive()
            self._events.put((event, lock))

        threading.Thread(target=wait, daemon=True).start()

    def _serve_until_unused(self) -> None:
        """Nobody can come in any more then: the lock of the users stays ours until we end."""
        while True:
            try:
                event, lock = self._events.get(timeout=LOG_CHECK_SECONDS)
            except queue.Empty:
                _trim(self._layout.log)
                continue
            if event is Event.UNUSED:
                return
            self._restart(lock)

    def _restart(self, lock: FileLock) -> None:
        """Somebody killed the server while it was in use: it comes back at the same socket."""
        now = time.monotonic()
        if len(self._restarts) == RESTARTS and now - self._restarts[0] < RESTARTS_WITHIN_SECONDS:
            raise EmbeddedPostgresError(f"{self._layout.log}: Postgres dies again and again")
        self._restarts.append(now)
        self._forget_process()
        self._start(lock)
        lock.close()
        self._watch(Event.GONE, self._layout.server_lock)

    def _stop(self) -> None:
        for number, patience_seconds in STOP_SIGNALS:
            self._signal(number)
            with contextlib.suppress(queue.Empty):
                self._events.get(timeout=patience_seconds)
                break
        self._forget_process()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._layout.announced() == self._folder:
                self._layout.serving.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        """To our child, or to who listens at the socket: never to a number read from a file."""
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(number)
            elif (pid := self._listening_pid()) is not None:
                os.kill(pid, number)

    def _listening_pid(self) -> int | None:
        if self._folder is None:
            return None
        try:
            return wire.run(self._folder, DATABASE, timeout_seconds=5) or None
        except (wire.Refusal, OSError):
            return None

    def _forget_process(self) -> None:
        if self._process is not None:
            self._process.wait(10)
            self._process = None


def _report(text: str) -> None:
    """One line to the process that waits for us, if it still does, and errors to the log."""
    if text != READY:
        sys.stderr.write(f"reaper: {text}\n")
    with contextlib.suppress(OSError):
        os.write(1, f"{text}\n".encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.close(nothing)


def _trim(log: Path) -> None:
    """Keeps the log and one older piece of it bounded; all its writers append."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
