"""A git server on loopback: `git http-backend` behind HTTP, with a password if it is told one."""

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BACKEND = subprocess.run(
    ["git", "--exec-path"], capture_output=True, text=True, check=True
).stdout.strip() + "/git-http-backend"  # fmt: skip

CLEAN = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
}  # fmt: skip


def git(folder: Path, *arguments: str, asked: bytes = b"") -> str:
    """Run git as a person would who has no settings of their own."""
    done = subprocess.run(
        ["git", "-C", folder, *arguments], env=CLEAN, input=asked, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace").strip()


class Upstream:
    """A repository to push to, as its author sees it: a working tree."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        git(folder, "config", "gc.auto", "0")

    def commit(self, files: dict[str, str | bytes | None] | None = None) -> str:
        """Write or, for `None`, remove files, and commit all; the commit's id."""
        for key, content in (files or {}).items():
            path = self.folder / key
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "change")
        return git(self.folder, "rev-parse", "HEAD")


class GitServer:
    """Serves the repositories below `root`. `requests` are what was asked for, `sent` the bytes.

    With `pack_seconds`, a pack takes that long, in twenty pieces.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.token = ""
        self.status = 0
        self.location = ""
        self.requests: list[str] = []
        self.sent = 0
        self.pack_seconds = 0.0
        self.gate: threading.Event | None = None
        self.reached = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def authorization(self) -> str:
        """The header of whoever knows the token."""
        return "Basic " + base64.b64encode(f"x-access-token:{self.token}".encode()).decode()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}/.git"

    def start(self) -> None:
        server, owner = ThreadingHTTPServer(("127.0.0.1", self.port), _Request), self
        server.daemon_threads = True
        server.owner = owner  # type: ignore[attr-defined]
        self._server, self.port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    server = GitServer(root)
    server.start()
    try:
        yield server
    finally:
        if server.gate is not None:
            server.gate.set()
        server.stop()


class _Request(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        owner: GitServer = self.server.owner  # type: ignore[attr-defined]
        owner.requests.append(f"{self.command} {self.path}")
        body = self._body()
        if owner.status:
            self._refuse(owner.status, "Location", owner.location)
        elif owner.token and self.headers.get("Authorization") != owner.authorization:
            self._refuse(401, "WWW-Authenticate", 'Basic realm="git"')
        else:
            if self.command == "POST" and owner.gate is not None and b"command=fetch" in body:
                owner.reached.set()
                owner.gate.wait(30)
            self._serve(owner, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _refuse(self, status: int, name: str, value: str) -> None:
        self.send_response(status)
        self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, owner: GitServer, body: bytes) -> None:
        parts = urlsplit(self.path)
        done = subprocess.run(
            [BACKEND],
            env=CLEAN | {
                "GIT_PROJECT_ROOT": str(owner.root), "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
            input=body, capture_output=True, check=False,
        )  # fmt: skip
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        try:
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if b"command=fetch" in body and owner.pack_seconds:
                self._trickle(answer, owner.pack_seconds / 20)
            else:
                self.wfile.write(answer)
            owner.sent += len(answer)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _trickle(self, answer: bytes, pause_seconds: float) -> None:
        size = len(answer) // 20 + 1
        for at in range(0, len(answer), size):
            time.sleep(pause_seconds)
            self.wfile.write(answer[at : at + size])
