"""What a supervisor tells a worker process at its start. Light: a server imports it."""

from dataclasses import dataclass
from uuid import UUID

from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Orders:
    """How to run jobs, as whom, and from which level on to log."""

    settings: Settings
    worker_id: UUID
    log_level: int
