"""A process that moves chunks and tells how far it is, to be killed."""

import sys

import anyio

from engine.index.partitioning import partition


def tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parts = int(sys.argv[1])
    dsn = sys.stdin.readline().strip()
    anyio.run(lambda: partition(dsn, parts, batch_rows=20, build_rows=1, tell=tell))
