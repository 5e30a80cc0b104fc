"""Calls over connections that stay open, with a server that does not always."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import anyio.streams.tls
import pytest
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.cards.connections import Answer, AnswerTooLarge, Connections, NoAnswer

WHOLE = b"HTTP/1.1 200 .\r\ncontent-length: 2\r\n\r\n{}"
PIECES = b"HTTP/1.1 200 .\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 .\r\nconnection: close\r\n\r\n{}"
AFTER_A_HINT = b"HTTP/1.1 103 .\r\nlink: </a>\r\n\r\n" + WHOLE


class Server:
    """Answers each request with the next of its answers; `None` closes the connection first."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self.port = self.opened = self.asked = 0
        self.closed = anyio.Event()

    async def talk(self, stream: SocketStream) -> None:
        self.opened += 1
        buffered = BufferedByteReceiveStream(stream)
        async with stream:
            while self._answers:
                try:
                    await buffered.receive_until(b"\r\n\r\n", 4096)
                except (anyio.IncompleteRead, anyio.BrokenResourceError):
                    return
                await buffered.receive_exactly(2)
                self.asked += 1
                answer = self._answers.pop(0)
                if answer is None:
                    return
                await stream.send(answer)
                if answer == TO_THE_END or not answer.endswith((b"{}", b"\r\n\r\n")):
                    return
        self.closed.set()


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Connections]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server.port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.talk)
        with anyio.fail_after(30):
            async with Connections(f"http://127.0.0.1:{server.port}/here") as connections:
                yield connections
        tasks.cancel_scope.cancel()


async def ask(connections: Connections) -> Answer:
    return await connections.answer(connections.post("/card", b"{}"), max_bytes=100)


@pytest.mark.parametrize("answer", [WHOLE, PIECES, TO_THE_END, AFTER_A_HINT])
async def test_an_answer_is_read_however_its_length_is_told(answer: bytes) -> None:
    async with serving(Server(answer, answer)) as connections:
        assert await ask(connections) == await ask(connections) == Answer(200, b"{}")


async def test_calls_share_a_connection_one_after_the_other() -> None:
    server = Server(WHOLE, PIECES, WHOLE)
    async with serving(server) as connections:
        for _ in range(3):
            await ask(connections)
    assert server.opened == 1


async def test_a_call_goes_again_if_its_connection_is_closed_under_it() -> None:
    server = Server(WHOLE, None, WHOLE)
    async with serving(server) as connections:
        assert await ask(connections) == await ask(connections) == Answer(200, b"{}")
    assert (server.opened, server.asked) == (2, 3)


async def test_a_call_goes_twice_at_most() -> None:
    server = Server(None, None, WHOLE)
    async with serving(server) as connections:
        with pytest.raises(NoAnswer, match="disconnected"):
            await ask(connections)
    assert server.asked == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 .\r\ncontent-length: 9\r\n\r\n{", NoAnswer),
        (b"SSH-2.0-OpenSSH\r\n", NoAnswer),
        (b"HTTP/1.1 200 .\r\ncontent-length: 900\r\n\r\n" + b"x" * 900, AnswerTooLarge),
    ],
    ids=["cut off", "another protocol", "too large"],
)
async def test_after_a_bad_answer_the_next_call_takes_another_connection(
    answer: bytes, error: type[Exception]
) -> None:
    server = Server(answer, WHOLE)
    async with serving(server) as connections:
        with pytest.raises(error):
            await ask(connections)
        assert await ask(connections) == Answer(200, b"{}")
    assert server.opened == 2


async def test_a_cancelled_call_leaves_no_answer_to_the_next() -> None:
    begun = b"HTTP/1.1 200 .\r\ncontent-length: 9\r\n\r\n{}"
    server = Server(begun, WHOLE)
    async with serving(server) as connections:
        with anyio.move_on_after(0.2) as scope:
            await ask(connections)
        assert scope.cancelled_caught
        assert await ask(connections) == Answer(200, b"{}")
    assert server.opened == 2


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(_certificate(tmp_path / "own.pem"))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    serve: Callable[[SocketStream], Awaitable[None]] = Server(WHOLE).talk
    tls = anyio.streams.tls.TLSListener(listener, trust, standard_compatible=False)
    async with tls, anyio.create_task_group() as tasks:
        tasks.start_soon(tls.serve, serve)
        with anyio.fail_after(30), pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
            async with Connections(f"https://127.0.0.1:{port}") as connections:
                await ask(connections)
        tasks.cancel_scope.cancel()


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path
