"""LlamaIndex and LangChain with the same chunks, each in an environment that pip makes for it."""

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

SCRIPTS = Path(__file__).with_name("peer_scripts")


@dataclass(frozen=True, slots=True)
class Peer:
    script: str
    packages: tuple[str, ...]


PEERS = {
    "LlamaIndex": Peer(
        "llamaindex_pipeline.py",
        (
            "llama-index-core==0.14.25",
            "llama-index-vector-stores-postgres",
            "asyncpg",
            "psycopg2-binary",
        ),
    ),
    "LangChain": Peer(
        "langchain_indexing.py",
        ("langchain-core>=1.7", "langchain-postgres==0.0.19", "psycopg[binary]"),
    ),
}


async def run_peer(name: str, folder: Path, dsn: str, url: str, texts: Path) -> float:
    """The seconds of its index call, without imports, in a process of its own."""
    peer = PEERS[name]
    python = await anyio.to_thread.run_sync(environment_of, peer, folder / f"peer-{name}")
    command = [str(python), str(SCRIPTS / peer.script), dsn, url, str(texts)]
    done = await anyio.run_process(command, stderr=None)
    seconds: float = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return seconds


def environment_of(peer: Peer, folder: Path) -> Path:
    python = folder / "bin/python"
    if not python.exists():
        print(f"installing {', '.join(peer.packages)}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "httpx", "numpy", *peer.packages]
        subprocess.run(install, check=True)
    return python
