"""Where things lie below a home. Knows no processes.

postgres/
    data/            the database cluster
    data.new-*/      a cluster that initdb has not finished
    users.lock       shared by everybody who uses the server; exclusive while it is stopped
    reaper.lock      exclusive for as long as the reaper lives
    server.lock      exclusive while any process works on the data; inherited by Postgres
    serving.json     where the running server listens
    server.log       what Postgres and the reaper say
    pg_hba.conf, pg_ident.conf
"""

import json
import os
from pathlib import Path
from typing import BinaryIO

DATABASE = "widthwise"
ROLE = "widthwise"
PORT = 5432


class Layout:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "postgres"
        self.data = self.folder / "data"
        self.users_lock = self.folder / "users.lock"
        self.reaper_lock = self.folder / "reaper.lock"
        self.server_lock = self.folder / "server.lock"
        self.serving = self.folder / "serving.json"
        self.log = self.folder / "server.log"
        self.hba = self.folder / "pg_hba.conf"
        self.ident = self.folder / "pg_ident.conf"

    def create(self) -> None:
        """Makes the folders. The own one can be entered, not listed, by the server's account."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.folder.is_dir():
            self.folder.mkdir(exist_ok=True)
            self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def unfinished(self) -> list[Path]:
        return sorted(self.folder.glob("data.new-*"))

    def announce(self, socket_folder: Path) -> None:
        """Says where the server listens, and for which data: a copied home must not find it."""
        text = json.dumps({"socket_folder": str(socket_folder), "data": self._identity()})
        self.write(self.serving, text, mode=0o600)

    def announced(self) -> Path | None:
        """The folder of the socket, if it was announced for the data that is here now."""
        try:
            said = json.loads(self.serving.read_text())
            matches = said["data"] == self._identity()
            return Path(said["socket_folder"]) if matches else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def open_log(self) -> BinaryIO:
        """For appending, by all its writers: so it can be cut while they hold it."""
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")

    def write(self, path: Path, text: str, *, mode: int) -> None:
        """Replaces a file in one step, so that no reader meets a part of it."""
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "w") as file:
            file.write(text)
            os.fchmod(descriptor, mode)
        fresh.replace(path)

    def _identity(self) -> list[int]:
        status = self.data.stat()
        return [status.st_dev, status.st_ino]
