"""Whether the Postgres of a home runs. Starts nothing and holds nothing."""

from pathlib import Path

from engine.index.embedded.attach import dsn_at
from engine.index.embedded.file_lock import is_held
from engine.index.embedded.layout import Layout


def running_postgres(home: Path) -> str | None:
    """The DSN of the server that runs now, which may end at any moment; None without one."""
    layout = Layout(home.resolve())
    if not layout.server_lock.exists() or not is_held(layout.server_lock):
        return None
    folder = layout.announced()
    return None if folder is None else dsn_at(folder)
