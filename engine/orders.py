"""What a supervisor and its worker process agree on. Light, because a server imports it."""

from dataclasses import dataclass
from uuid import UUID

from engine.settings import Settings

# How often the loop of a worker process shows that it is not blocked.
PING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Orders:
    """How to run jobs, as whom, and from which level on to log."""

    settings: Settings
    worker_id: UUID
    log_level: int
