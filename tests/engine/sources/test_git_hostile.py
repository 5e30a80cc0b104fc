"""Repositories that are made to lead us elsewhere, or to be more than there is room for."""

import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from git_server import Upstream, git, git_server

from engine.sources import Checkouts, FileTooLarge, GitRepository, SourceMissing, UrlRules


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(root=tmp_path / "home" / "checkouts", rules=UrlRules(("file",)))


async def test_a_checkout_borrows_no_object_from_elsewhere(
    checkouts: Checkouts, tmp_path: Path
) -> None:
    lender = Upstream(tmp_path / "lender")
    lender.commit({"a.py": "1"})
    git(tmp_path, "clone", "-q", "--shared", str(lender.folder), "borrower")
    alternates = tmp_path / "borrower/.git/objects/info/alternates"
    assert alternates.exists()
    repository = GitRepository(str(tmp_path / "borrower"), fetch=False)
    async with repository.brought(checkouts, lambda _: None) as tree:
        shutil.rmtree(lender.folder)
        shutil.rmtree(tmp_path / "borrower")
        assert tree.read("a.py", max_bytes=9) == b"1"
        folder = Path(tree.folder)
    assert not (folder / "objects/info/alternates").exists()
    # Nothing is promised that would have to be fetched later.
    config = (folder / "config").read_text()
    assert "promisor" not in config
    assert "remote" not in config
    assert [name for name in os.listdir(folder / "objects/pack") if "promisor" in name] == []


@contextmanager
def plain_server(root: Path, asked: list[str]) -> Iterator[str]:
    """Serves files, and knows nothing of git: what is in a repository leads on from there."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


async def test_files_of_a_server_that_name_another_one_lead_to_no_request(
    checkouts: Checkouts, tmp_path: Path
) -> None:
    upstream, asked, inside = Upstream(tmp_path / "site" / "r"), list[str](), list[str]()
    upstream.commit({"a.py": "1"})
    git(upstream.folder, "update-server-info")
    info = upstream.folder / ".git/objects/info"
    with plain_server(tmp_path, inside) as other, plain_server(tmp_path / "site", asked) as url:
        for name in ("http-alternates", "alternates"):
            (info / name).write_text(f"{other}/r/.git/objects\n")
        shutil.rmtree(next(path for path in info.parent.iterdir() if len(path.name) == 2))
        with pytest.raises(SourceMissing, match="no repository there"):
            async with GitRepository(f"{url}/r/.git").brought(checkouts, lambda _: None):
                pass
    assert inside == []
    assert asked
    assert {path.partition("?")[0] for path in asked} <= {"/r/.git/info/refs", "/r/.git/HEAD"}


# The first is one that git by itself would hold in memory.
@pytest.mark.long
@pytest.mark.parametrize("size", [400 << 20, 2 << 30])
async def test_a_large_blob_passes_through_little_memory(
    size: int, checkouts: Checkouts, tmp_path: Path
) -> None:
    upstream = Upstream(tmp_path / "served" / "r")
    git(upstream.folder, "config", "core.bigFileThreshold", "16m")
    git(upstream.folder, "config", "core.compression", "1")
    upstream.commit({"a.py": "1"})
    with (upstream.folder / "huge").open("wb") as file:
        file.truncate(size)
    upstream.commit()
    with git_server(tmp_path / "served") as server:
        async with GitRepository(server.url("r")).brought(checkouts, lambda _: None) as tree:
            assert [file.key for file in tree.snapshot().files] == ["a.py", "huge"]
            started = time.monotonic()
            with pytest.raises(FileTooLarge, match=f"{size} bytes"):
                tree.read("huge", max_bytes=1 << 20)
            assert tree.read("a.py", max_bytes=9) == b"1"
            assert time.monotonic() - started < 5
    # In KiB, of the largest of all that ran; the files on this disk are packs of zeros.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 300 << 10
    assert sum(path.stat().st_size for path in checkouts.root.rglob("*.pack")) < 64 << 20


@pytest.mark.long
async def test_a_hundred_thousand_files_are_listed_and_read(
    checkouts: Checkouts, tmp_path: Path
) -> None:
    upstream = Upstream(tmp_path / "served" / "r")
    lines = [b"commit refs/heads/main\ncommitter a <a@example.org> 0 +0000\ndata 1\nx\n"]
    for number in range(100_000):
        text = b"x = %d\n" % number
        lines.append(
            b"M 100644 inline d%d/f%d.py\ndata %d\n%s" % (number % 300, number, len(text), text)
        )
    git(upstream.folder, "fast-import", "--quiet", asked=b"".join(lines))
    with git_server(tmp_path / "served") as server:
        async with GitRepository(server.url("r")).brought(checkouts, lambda _: None) as tree:
            keys = [file.key for file in tree.snapshot().files]
            assert len(set(keys)) == 100_000
            assert tree.read("d299/f99899.py", max_bytes=99) == b"x = 99899\n"
            held = len(os.listdir(tree.folder + "/objects/pack"))
    assert held <= 3
