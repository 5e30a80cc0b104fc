"""Files made to be slow or deep for whoever reads them, in every language; and their analysis.

Run as a program it analyses one of them as a worker process does, and prints its seconds.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from every_language import key_of

from engine.analyse import Analysed, AnalyseRequest, analyse
from engine.languages import language_named
from engine.sources import CardRealm, Folder

MAX_BYTES = 1 << 20
CHUNK_CHARS = 1200

# What opens and closes a block, and what names another file, as the language writes them.
_BRACES = ("f() {", "}")
_BLOCKS = {
    **dict.fromkeys(("c", "cpp"), ("void f(void) { if (1) {", "}}")),
    **dict.fromkeys(("java", "csharp"), ("class A {", "}")),
    **dict.fromkeys(("javascript", "typescript", "gjs", "gts"), ("function f() {", "}")),
    "go": ("func f() { if a {", "}}"),
    "json": ('{"a":', "}"),
    "card": ('{"a":', "}"),
    "php": ("function f() {", "}"),
    "python": ("(lambda: ", ")"),
    "ruby": ("class A;", "end;"),
    "rust": ("mod a {", "}"),
    "yaml": ("{a: ", "}"),
    "toml": ("a = [", "]"),
    "markdown": ("> - ", ""),
}
_IMPORTS = {
    **dict.fromkeys(("c", "cpp"), '#include "a{0}.h"\n'),
    **dict.fromkeys(("javascript", "typescript", "gjs", "gts"), "import {{a{0}}} from './b{0}';"),
    "card": '"r{0}": {{"links": {{"self": "./a{0}"}}}},',
    "csharp": "using A{0};",
    "go": 'import "a{0}/b";',
    "go-module": "replace a{0} => ../b{0}\n",
    "java": "import a.B{0};",
    "json": '"a{0}": "./b{0}",',
    "markdown": "[a](b{0}.md)",
    "php": "use A\\B{0};",
    "python": "import a{0}.b;",
    "ruby": "require 'a{0}';",
    "rust": "use crate::a{0};",
    "toml": 'a{0} = "b";',
    "yaml": "a{0}: &b{0} c\n",
}
_HEADS = {"php": "<?php\n", "go": "package a\n"}
_CARD = '{"data":{"type":"card","meta":{"adoptsFrom":{"module":"./a","name":"A"}},"attributes":'


def _filled(scrap: str, size: int) -> str:
    return scrap * (size // len(scrap))


def _blocks(name: str, size: int) -> str:
    opening, closing = _BLOCKS.get(name, _BRACES)
    depth = size // len(opening + closing)
    return opening * depth + closing * depth


def _imports(name: str, size: int) -> str:
    """20,000 of them in 100 kB would be five characters each: as many as fit are as bad."""
    form = _IMPORTS.get(name, "uses @A s/a{0}.openapi-schema\n")
    return "".join(map(form.format, range(size // len(form.format(10_000)))))


def _names(name: str, size: int) -> str:
    """The names that imports bind, in text that uses all of them."""
    half = _imports(name, size // 2)
    return half + "\n" + "".join(f"a{number}.b;" for number in range(size // 16))


Make = Callable[[str, int], str]
HOSTILE: dict[str, Make] = {
    "braces": lambda name, size: "{" * size,
    "brackets": lambda name, size: "[" * size,
    "parentheses": lambda name, size: "(" * size,
    "angles": lambda name, size: "a<" * (size // 2),
    "dots": lambda name, size: _filled("a.", size),
    "comments": lambda name, size: _filled("/*", size),
    "comment lines": lambda name, size: _filled("// a\n# a\n", size),
    "string": lambda name, size: '"' + "a" * size,
    "quotes": lambda name, size: _filled("'\"`", size),
    "templates": lambda name, size: _filled("`${", size),
    "imports": _imports,
    "names": _names,
    "blocks": _blocks,
    "line": lambda name, size: _filled("a = 1 + b; ", size),
    "definitions": lambda name, size: _filled(_blocks(name, 40) + "\n", size),
    "nul": lambda name, size: "\0" * size,
    "scrap bytes": lambda name, size: "a\udcff" * (size // 2),
    "blanks": lambda name, size: " " * size,
    "lines": lambda name, size: "\r" * size,
    "words": lambda name, size: "\N{SNOWMAN}" * (size // 3),
}


def hostile_bytes(name: str, text: str, size: int) -> bytes:
    """About `size` bytes of one hostile text, in the language of that name."""
    made = _HEADS.get(name, "") + HOSTILE[text](name, size)
    return (_CARD + made if name == "card" else made).encode(errors="surrogateescape")


def analysed(name: str, content: bytes, *, chunk_chars: int = CHUNK_CHARS) -> Analysed:
    """The answer of a worker process for a file with such content."""
    with tempfile.TemporaryDirectory(prefix="widthwise-hostile-") as folder:
        file = Path(folder) / key_of(language_named(name))
        file.parent.mkdir()
        file.write_bytes(content)
        source = (CardRealm if name == "card" else Folder)(folder)
        key = file.relative_to(folder).as_posix()
        return analyse(AnalyseRequest(source, key, MAX_BYTES, chunk_chars))


def main() -> None:
    name, text, size = sys.argv[1:]
    content = hostile_bytes(name, text, int(size))
    analysed(name, b"")
    start = time.perf_counter()
    found = analysed(name, content)
    seconds = time.perf_counter() - start
    sys.stdout.write(json.dumps({"seconds": seconds, "error": found.error}))


if __name__ == "__main__":
    main()
