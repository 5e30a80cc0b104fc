"""Start the reaper of a home, and hear how it went. Knows no Postgres."""

import os
import subprocess
import sys
from pathlib import Path

from engine.index.embedded import reaper
from engine.index.embedded.failure import ELSEWHERE, EmbeddedPostgresError
from engine.index.embedded.file_lock import FileLock
from engine.index.embedded.layout import Layout

BOOT = Path(__file__).with_name("boot.py")
SPAWN_SECONDS = 30

# For the loader and for `ps`, not for us: all else, secrets above all, is kept from a
# process that outlives us and from the server, which may run as another user.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Start:
    """A reaper on its way. `outcome` is asked until it is known."""

    def __init__(self, layout: Layout, binaries: Path, lock: FileLock) -> None:
        """`lock` is the reaper lock; the reaper holds it from now on, and we no more."""
        self._layout = layout
        self._said = b""
        self._report, report = os.pipe()
        os.set_blocking(self._report, False)
        arguments = [str(layout.home), str(binaries), str(lock.fileno())]
        try:
            self._spawn([_interpreter(), "-I", "-S", str(BOOT), *arguments], lock, report)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(report)
            lock.close()

    def is_ready(self) -> bool:
        """Raises `EmbeddedPostgresError` with the reaper's reason when it gave up."""
        try:
            while part := os.read(self._report, 4096):
                self._said += part
        except BlockingIOError:
            return False
        said = self._said.decode(errors="replace").strip()
        if said != reaper.READY:
            raise EmbeddedPostgresError(said or f"{self._layout.log}: the reaper died; {ELSEWHERE}")
        return True

    def close(self) -> None:
        os.close(self._report)

    def _spawn(self, command: list[str], lock: FileLock, report: int) -> None:
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        with self._layout.open_log() as log:
            subprocess.run(  # noqa: S603 - our own interpreter; it forks and returns at once
                command, stdin=subprocess.DEVNULL, stdout=report, stderr=log, cwd="/",
                env=environment | {"LC_ALL": "C", "TZ": "UTC"}, pass_fds=[lock.fileno()],
                start_new_session=True, timeout=SPAWN_SECONDS, check=False,
            )  # fmt: skip


def _interpreter() -> str:
    """Inside a server that embeds Python, `sys.executable` may be that server."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (Path(sys.executable or "/"), Path(sys.exec_prefix, "bin", version),
                  Path(sys.base_exec_prefix, "bin", version))  # fmt: skip
    for candidate in candidates:
        if candidate.name.startswith("python") and os.access(candidate, os.X_OK):
            return str(candidate)
    raise EmbeddedPostgresError(
        f"{sys.exec_prefix}/bin: no {version} there to supervise Postgres;"
        " set WIDTHWISE_DSN to a Postgres of your own"
    )
