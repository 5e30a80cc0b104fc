"""What JavaScript and TypeScript files refer to, and what of it they pass on."""

import pytest

from engine.languages.javascript import TYPESCRIPT
from engine.languages.language import Binding


def bound(text: str, key: str = "a.ts") -> list[tuple[str, str]]:
    """Each reference as its text and its bindings, `name:local`, with `!` where exported."""
    found = TYPESCRIPT.analyse(key, text, chunk_chars=1000).references
    return [(each.text, " ".join(map(written, each.bindings))) for each in found]


def written(binding: Binding) -> str:
    return f"{binding.name}:{binding.local}{'!' if binding.exported else ''}"


@pytest.mark.parametrize(
    ("text", "bindings"),
    [
        ("import './x'", ":"),
        ("import d from './x'", "default:d"),
        ("import d, {a as b, type T} from './x'", "default:d a:b T:T"),
        ("import type {X} from './x'", "X:X"),
        ("import {default as k, 'some name' as l} from './x'", "default:k some name:l"),
        ("import {} from './x'", ":"),
        ("import * as ns from './x'", ":ns"),
        ("import d, * as ns from './x'", "default:d :ns"),
        ("import x from './x' with {type: 'json'}", "default:x"),
        ("import x = require('./x')", ":x"),
        ("export import x = require('./x')", ":x!"),
        ("export {a, b as c, default} from './x'", "a:a! b:c! default:default!"),
        ("export type {A} from './x'", "A:A!"),
        ("export * from './x'", "*:*!"),
        ("export * as q from './x'", ":q!"),
        ("import {a} from './x'; export {a}", "a:a!"),
        ("import {a} from './x'; export {a as b, a as c}", "a:a a:b! a:c!"),
        ("import a from './x'; export default a", "default:a default:default!"),
        ("import * as a from './x'; export {a}", ":a!"),
        ("const x = require('./x')", ":x"),
        ("const {a, b: c, d = 1} = require('./x')", "a:a b:c d:d"),
        ("const y = require('./x').y", "y:y"),
        ("const x = interop(require('./x'))", ":x"),
        ("function f() { return require('./x') }", ":"),
        ("require.resolve('./x')", ":"),
        ("module.exports = require('./x')", "*:*!"),
        ("exports.a = require('./x')", ":a!"),
        ("exports.a = require('./x').b", "b:a!"),
        ("__exportStar(require('./x'), exports)", "*:*!"),
        ("const {a} = require('./x'); module.exports = {a, b: a}", "a:a! a:b!"),
        ("const m = await import('./x')", ":m"),
        ("const {a} = await import(/* webpackChunkName: 'x' */ './x')", "a:a"),
        ("import('./x').then(run)", ":"),
        ("type T = import('./x').T", ":"),
        ("/** @type {import('./x').T} */\nlet a", ":"),
        ("new Worker(new URL('./x', import.meta.url))", ":"),
        ("/// <reference path='x' />", "*:*"),
    ],
)
def test_a_reference_says_what_it_binds(text: str, bindings: str) -> None:
    assert bound(text) == [("./x", bindings)]


@pytest.mark.parametrize(
    "text",
    [
        "// const x = require('./x')",
        "const s = \"require('./x')\"",
        "load('./x'); obj.require('./x')",
        "require(name); import(name); require(`./${x}`)",
        "export default 1; export const a = 1",
        "require('')",
    ],
)
def test_what_names_no_module_is_no_reference(text: str) -> None:
    assert bound(text, "a.js") == []


def test_references_keep_the_order_of_the_file() -> None:
    text = "import 'a'; require('b'); export * from 'c'; import('d');"
    assert [each for each, _ in bound(text)] == ["a", "b", "c", "d"]


def test_an_export_from_elsewhere_brings_no_names_into_scope() -> None:
    (chunk,) = TYPESCRIPT.analyse("a.ts", "export * from './x'; foo.bar()", chunk_chars=99).chunks
    assert chunk.names == ()


def test_a_global_script_can_use_any_name() -> None:
    text = "/// <reference path='x.d.ts' />\nfoo.bar(baz)"
    (chunk,) = TYPESCRIPT.analyse("a.ts", text, chunk_chars=99).chunks
    assert {"foo.bar", "baz"} <= set(chunk.names)
