"""A Dask cluster of real processes on this machine, for benchmarks and tests."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]

# What is lost is noticed sooner than by default, and a batch that killed one worker is not given
# to three more.
QUICK = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
}


class Cluster:
    """The processes, as a test meddles with them."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], options: Sequence[str], host: str
    ) -> None:
        self._folder = folder
        self._options = options
        self._host = host
        paths = os.pathsep.join([str(ROOT), *sys.path])
        self._environment = {**os.environ, **QUICK, "PYTHONPATH": paths, **environment}
        self.scheduler = self._start("scheduler", "--host", host, "--port", "0")
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        file = self._folder / "scheduler.json"
        deadline = time.monotonic() + 30
        while not file.exists() or not file.read_text().endswith("}"):
            assert self.scheduler.poll() is None, "the scheduler has ended"
            assert time.monotonic() < deadline, "no scheduler"
            time.sleep(0.05)
        return str(json.loads(file.read_text())["address"])

    @property
    def logs(self) -> str:
        """All that its processes have said."""
        return "".join(path.read_text() for path in self._folder.glob("*.log"))

    def add_worker(
        self, *, nanny: bool = False, host: str = "", entering: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """`entering` is the start of a command that runs the rest of it on that host."""
        worker = self._start(
            "worker", "--nthreads", "1", "--nanny" if nanny else "--no-nanny",
            "--host", host or self._host, "--local-directory", str(self._folder),
            entering=entering,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(
        self, kind: str, *options: str, entering: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        file = str(self._folder / "scheduler.json")
        with (self._folder / f"{kind}.log").open("ab") as output:
            return subprocess.Popen(
                [*entering, sys.executable, "-m", f"distributed.cli.dask_{kind}",
                 "--scheduler-file", file, "--no-dashboard", *self._options, *options],
                env=self._environment, cwd=self._folder, start_new_session=True,
                stdout=output, stderr=output,
            )  # fmt: skip


@contextmanager
def dask_cluster(
    workers: int = 2,
    *,
    environment: Mapping[str, str] | None = None,
    nanny: bool = False,
    options: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Iterator[Cluster]:
    """`host` is the address where the scheduler listens, and workers that name no other."""
    with tempfile.TemporaryDirectory(prefix="widthwise-dask-", ignore_cleanup_errors=True) as name:
        cluster = Cluster(Path(name), environment or {}, options, host)
        try:
            for _ in range(workers):
                cluster.add_worker(nanny=nanny)
            yield cluster
        finally:
            cluster.stop()
