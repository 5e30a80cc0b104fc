"""A small HTTP server on this machine, in a process of its own. Knows no endpoint.

Written on streams and not with a web framework, so that the service that a benchmark asks
costs next to nothing beside what is measured, on a machine of two cores.
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

# Method, path and body of a request, to status and JSON.
Answer = Callable[[str, str, bytes], Awaitable[tuple[int, bytes]]]


@contextmanager
def served(endpoints: Callable[[], Answer], *, address: str = "127.0.0.1") -> Iterator[str]:
    """The URL at which what `endpoints` makes, in the new process, answers within the block."""
    here, there = multiprocessing.Pipe()
    spawned = multiprocessing.get_context("spawn")
    process = spawned.Process(target=_run, args=(endpoints, address, there), daemon=True)
    process.start()
    try:
        yield f"http://{address}:{here.recv()}"
    finally:
        process.kill()
        process.join()


def _run(endpoints: Callable[[], Answer], address: str, wire: Connection) -> None:
    asyncio.run(_serve(endpoints(), address, wire))


async def _serve(answer: Answer, address: str, wire: Connection) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open for one request after the other."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answered = await answer(method, path, body)
                writer.write(_response(status, answered))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, address, 0, limit=1 << 24, backlog=128)
    wire.send(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} .\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
