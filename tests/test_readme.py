"""The README's example, run as it stands behind a real server."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

README = Path(__file__).parents[1] / "README.md"


def _example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return str(code)


@contextmanager
def _served(app: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)  # uvicorn tells of its start by this flag alone
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def test_the_example_of_the_readme_indexes_and_answers(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/refunds.md").write_text("# Refunds\n\nA refund takes three days.\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIDTHWISE_DSN", dsn)
    monkeypatch.setenv("WIDTHWISE_EMBEDDER", "hashed")
    monkeypatch.setenv("WIDTHWISE_TOKEN", "a-token-for-the-example")
    scope: dict[str, Any] = {}
    exec(compile(_example(), "README.md", "exec"), scope)

    with _served(scope["app"]) as url, httpx.Client(base_url=url, timeout=30) as client:
        assert client.post("/index/realms/docs/index").status_code == 401
        client.headers["Authorization"] = "Bearer a-token-for-the-example"
        accepted = client.post("/index/realms/docs/index")
        assert accepted.status_code == 202
        assert accepted.headers["location"].startswith("/index/jobs/")
        deadline = time.monotonic() + 30
        while not (hits := client.get("/search", params={"q": "refund"}).json()):
            assert time.monotonic() < deadline
        assert hits == [{"path": "refunds.md", "line": 1}]
