"""A GitHub on loopback that mints installation tokens for whoever signs with its app's key."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


class FakeGitHub:
    """Mints tokens that are good for `lifetime_seconds`; `status` is what it says instead."""

    def __init__(self) -> None:
        self.prefix = "ghs_"
        self.lifetime_seconds = 3600
        self.status = 0
        self.headers: dict[str, str] = {}
        self.padding = ""
        self.hosts: list[str] = []
        self.bearers: list[str] = []
        self.requests: list[tuple[str, str, Any, dict[str, Any]]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
        self.server.owner = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def minted(self) -> int:
        return sum(method == "POST" for method, *_ in self.requests)


class _Api(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._answer({"id": 77})

    def do_POST(self) -> None:
        owner: FakeGitHub = self.server.owner  # type: ignore[attr-defined]
        ends = datetime.fromtimestamp(time.time() + owner.lifetime_seconds, UTC)
        text = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._answer({"token": f"{owner.prefix}{owner.minted + 1}", "expires_at": text})

    def _answer(self, answer: dict[str, Any]) -> None:
        owner: FakeGitHub = self.server.owner  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        bearer = self.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(bearer, _KEY.public_key(), algorithms=["RS256"])
        owner.bearers.append(bearer)
        owner.hosts.append(self.headers["Host"])
        owner.requests.append((self.command, self.path, json.loads(body or b"null"), claims))
        self.send_response(owner.status or 200)
        for name, value in owner.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(json.dumps(answer | {"padding": owner.padding}).encode())


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    threading.Thread(target=fake.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield fake
    finally:
        fake.server.shutdown()
        fake.server.server_close()
