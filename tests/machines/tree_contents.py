"""Random contents of files that name each other. Few names, so that references meet files."""

from collections.abc import Mapping
from typing import TypeVar

from hypothesis import strategies as st
from language_contents import Contents, contents_of

T = TypeVar("T")

MAX_FILE_BYTES = 3000

PYTHON_KEYS = (
    "a.py", "b.py", "pkg.py", "a/__init__.py", "b/__init__.py", "pkg/__init__.py", "pkg/a.py",
    "pkg/b.py", "pkg/b/__init__.py", "pkg/sub/__init__.py", "pkg/sub/a.py", "pkg/a.pyi",
    "src/a.py", "src/pkg/c.py", "pkg/caf\u00e9.py",
)  # fmt: skip
SCRIPT_KEYS = (
    "web/index.ts", "web/a.ts", "web/b.ts", "web/a/index.ts", "web/a.d.ts", "web/a.js",
    "web/b.tsx", "web/lib/a.ts", "web/lib/index.ts", "index.js", "packages/lib/a.js",
)  # fmt: skip
CONFIGURATION_KEYS = (
    "tsconfig.json", "web/tsconfig.json", "web/more.json", "package.json",
    "packages/lib/package.json",
)  # fmt: skip
DATA_KEYS = ("web/data.json", "web/a.json", "conf.yaml", "notes.txt", "data.bin")
PAGE_KEYS = ("README.md", "docs/index.md", "docs/a.md", "docs.md", "docs/README.md")
KEYS = (*PYTHON_KEYS, *SCRIPT_KEYS, *CONFIGURATION_KEYS, *DATA_KEYS, *PAGE_KEYS)

# Of files that cannot name each other, most edits would have no effect on another.
THEMES = (
    PYTHON_KEYS,
    ("a.py", "pkg/__init__.py", "pkg/a.py", "pkg/b.py", "pkg/sub/a.py"),
    SCRIPT_KEYS + CONFIGURATION_KEYS + DATA_KEYS[:2],
    (*SCRIPT_KEYS[:4], "tsconfig.json"),
    (*PAGE_KEYS, "pkg/a.py", "web/data.json"),
    KEYS,
)

PYTHON = (
    "import a", "import b as module", "import pkg.a", "import pkg.sub.a as s", "import pkg",
    "from a import f", "from a import C as D", "from a import *", "from b import *",
    "from pkg import a", "from pkg import f, C", "from pkg import *", "from pkg.sub import *",
    "from pkg.b import f as g", "from . import a", "from . import f", "from . import b as module",
    "from .a import f, C", "from .a import *", "from .b import *", "from .b import f as g",
    "from .sub import a as s", "from .. import b as module", "from ..a import f as g",
    "from ... import a", "from .missing import f", "import missing",
    "from pkg.caf\u00e9 import f", "from pkg.c import C",
    "def later():\n    from .b import f\n    return f()",
    "import importlib\nloaded = importlib.import_module('pkg.a')",
    "try:\n    from .a import C\nexcept ImportError:\n    from b import C",
    "def f(): ...", "def f(x): ...", "def f(x):\n    return x", "def f(x, *, y=1):\n    return y",
    "async def f(x): ...", "class C:\n    def m(self): ...", "class C:\n    def m(self, x): ...",
    "class C(D):\n    field: int = 1", "class D: ...", "X = 1", "X = 2", "X: int = 1", "Y = f",
    "__all__ = ['f']", "__all__ = ['C', 'X']", "__all__ = []", "g = f", "@a.f\ndef g(): ...",
    "f(X)", "C().m()", "a.f(a.C)", "pkg.a.f()", "g(1)", "s.f()", "module.f(module.C.m)",
    "def user(one: C, other: D) -> X:\n    return f(one)", "loaded.f()", "print(pkg.f, pkg.b.C)",
    "# a comment", "if X:\n    def f(z): ...", '"""Text of the module."""',
)  # fmt: skip
SCRIPT = (
    "import { f } from './a'", "import { f as g, C } from './b'", "import * as ns from './b'",
    "import { f } from '.'", "import type { C } from '..'", "import d from './a'",
    "import { f } from '../a.js'", "import { X } from './lib'", "import { f } from '@lib/a'",
    "import { C } from 'lib/a'", "import { f } from '#own'", "import { X } from 'lib'",
    "import data from './data.json'", "import missing from './missing'", "import './b'",
    "import { C } from '../web'", "import { f } from './a/index'",
    "export * from './a'", "export * from './b'", "export * from './lib'", "export * from '..'",
    "export { f } from './a'", "export { f as g } from './b'", "export * as q from './b'",
    "export { default } from './a'", "const r = require('./a')",
    "async function later() { const { f } = await import('./b'); return f() }",
    "export function f() {}", "export function f(x: number): string { return '' }",
    "export function f(x: number): string { return 'other' }", "function f(hidden: 1) {}",
    "export class C { m() {} }", "export class C { m(x: string): void {} }",
    "export default function d() {}", "export default class C {}", "export const X = 1",
    "export interface C { a: string }", "export type X = string | number",
    "module.exports = { f, X }", "exports.f = function (x) {}",
    "f(X)", "new C().m()", "ns.f(ns.C)", "g(q.f)", "r.f()", "d()", "console.log(data)",
    "export function user(one: C): X { return f(one) }", "// a comment",
)  # fmt: skip
PAGE = (
    "# Title", "## Part", "Some words.", "See [a](a.md).", "See [code](../pkg/a.py).",
    "See [web](/web/a.ts).", "See [docs](docs).", "See [docs](docs/).", "See [gone](missing.md).",
    "[it]: ../README.md", "![data](web/data.json)", "See [itself](README.md).",
)  # fmt: skip
CONFIGURATIONS = (
    '{"compilerOptions": {"baseUrl": ".", "paths": {"@lib/*": ["web/lib/*"]}}}',
    '{"compilerOptions": {"paths": {"@lib/*": ["./*"], "lib": ["./b"]}}}',
    '{"compilerOptions": {"baseUrl": "packages"}}',
    '{"compilerOptions": {"baseUrl": "web"}} // a comment',
    '{"extends": "./more.json"}', '{"extends": ["../tsconfig", "./more"]}',
    '{"name": "root", "workspaces": ["packages/*"], "imports": {"#own": "./web/a.ts"}}',
    '{"name": "lib", "exports": {".": "./a.js", "./a": "./a.js"}}',
    '{"name": "lib", "main": "a.js"}', '{"name": "lib", "types": "../../web/b"}',
    "{", "{}", "[]",
)  # fmt: skip
DATA = ('{"one": 1}', '{"one": {"two": [1, 2]}}', "key: value", "plain words", "[", "")

IGNORES = (
    "*.md", "pkg/a.py", "pkg/", "/web/", "*.json\n!web/data.json", "docs/*", "a\n!pkg/a", "*",
    "__init__.py", "# nothing", "",
)  # fmt: skip

SPOILED = (
    b"", b"x = '\xff'\n", b"\x00\x01\x02", b"# -*- coding: latin-1 -*-\nX = '\xe9'\ndef f(): ...\n",
    b"# -*- coding: no-such -*-\nX = 1\n", b"def f(:\n  broken", b"export class {{{ f(",
    b"\xef\xbb\xbfdef f(): ...\n", "def f(): ...\n".encode("utf-16"), b"\xff\xfe\x00\xd8",
    b"x" * (MAX_FILE_BYTES + 1), b"x = 1\n" * MAX_FILE_BYTES, b"def f(): ...\r\nX = 1\r\n",
    b"def f(x): ...\nX = '" + b"long " * 500 + b"'\n", b"\\", b"{" * 500,
)  # fmt: skip
"""Contents that are of no language, or of any: unreadable, empty, too large, half a sentence."""


def contents(key: str) -> st.SearchStrategy[bytes]:
    """What a person might save under this name."""
    return chosen({_written(key): 9, st.sampled_from(SPOILED): 1})


def chosen(weights: Mapping[st.SearchStrategy[T], int]) -> st.SearchStrategy[T]:
    """One of the strategies, by its weight; `one_of` would take each as often."""
    bag = [strategy for strategy, weight in weights.items() for _ in range(weight)]
    return st.sampled_from(bag).flatmap(lambda strategy: strategy)


def _written(key: str) -> st.SearchStrategy[bytes]:
    if (language := contents_of(key)) is not None:
        return _of_language(key, language)
    if key.endswith((".py", ".pyi")):
        return _lines(PYTHON)
    if key.endswith((".ts", ".tsx", ".js")):
        return _lines(SCRIPT)
    if key in CONFIGURATION_KEYS:
        return st.sampled_from(CONFIGURATIONS).map(str.encode)
    return _lines(PAGE) if key.endswith(".md") else st.sampled_from(DATA).map(str.encode)


def _lines(statements: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    some = st.lists(st.sampled_from(statements), min_size=1, max_size=9)
    return some.map(lambda lines: "".join(f"{line}\n" for line in lines).encode())


def _of_language(key: str, language: Contents) -> st.SearchStrategy[bytes]:
    for name, texts in language.configurations:
        if key.rpartition("/")[2] == name:
            return st.sampled_from(texts).map(str.encode)
    heads = st.sampled_from(language.heads).map(lambda head: f"{head}\n".encode())
    return st.builds(lambda head, lines: head + lines, heads, _lines(language.lines))


def files(keys: tuple[str, ...] = KEYS) -> st.SearchStrategy[tuple[str, bytes]]:
    """One of the keys with a content that fits its name."""
    return st.sampled_from(keys).flatmap(lambda key: contents(key).map(lambda c: (key, c)))
