"""Where CPU work runs: in threads here, or in worker processes."""

from engine.executors.executor import Elsewhere, Executor
from engine.executors.overflow import Overflow
from engine.executors.processes import Processes, ProcessesStatistics, worker_processes
from engine.executors.threads import Threads

__all__ = [
    "Elsewhere",
    "Executor",
    "Overflow",
    "Processes",
    "ProcessesStatistics",
    "Threads",
    "worker_processes",
]
