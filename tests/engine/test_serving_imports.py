"""What a server must not load: whatever parses, and whatever holds a model."""

import re
import subprocess
import sys
from pathlib import Path

from live_trees import write_tree

PROGRAM = Path(__file__).with_name("serving_process.py")

# numpy comes with pgvector, and the stemmer splits the words of a search; both are small.
KEPT_OUT = re.compile(
    r"(tree_sitter\w*|tokenizers|wordllama|safetensors|scipy|networkx|httpx|jwt|mcp|pydantic)"
    r"|engine\.(languages(\..*)?|syntax_visitor|analyse|passes|indexing|inline|worker_process)"
)


def test_a_server_loads_neither_parsers_nor_models(dsn: str, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {"user.py": "class User: ...\n", "notes.md": "# User\n"})
    done = subprocess.run(
        [sys.executable, PROGRAM, dsn, tmp_path, root],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()
    assert "engine.supervisor" in loaded
    assert [name for name in loaded if KEPT_OUT.fullmatch(name)] == []
