"""Who a process is to all others that share the database."""

import os
import socket
from dataclasses import dataclass, field
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class Identity:
    """One start of one process. Its id is new at each start, so no pid is ever mistaken."""

    recipe: str = ""
    id: UUID = field(default_factory=uuid4)
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @property
    def application_name(self) -> str:
        """By which the sessions of this process are found in the database."""
        return f"widthwise {self.id}"
