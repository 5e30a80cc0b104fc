"""What JavaScript and TypeScript files show to others, construct by construct."""

import pytest

from engine.languages.javascript import JAVASCRIPT, TYPESCRIPT

LONG = pytest.mark.long


def shown(text: str, key: str = "a.ts") -> dict[str, tuple[str, str]]:
    language = JAVASCRIPT if key.endswith(("js", "jsx")) else TYPESCRIPT
    found = language.analyse(key, text, chunk_chars=1000).declarations
    return {each.symbol.name: (each.symbol.kind, each.symbol.signature) for each in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export function f(a, b = 1) {}", {"f": ("function", "function f(a, b = 1)")}),
        ("export async function* f() {}", {"f": ("function", "async function * f()")}),
        (
            "export function f<T>(a?: T, ...r: T[]): a is string {}",
            {"f": ("function", "function f<T>(a?: T, ...r: T[]): a is string")},
        ),
        (
            "export const f = async <T,>(a: T) => a",
            {"f": ("function", "async function f<T>(a: T)")},
        ),
        ("export const f = a => a", {"f": ("function", "function f(a)")}),
        ("export const f: Handler = (a) => a", {"f": ("function", "const f: Handler")}),
        (
            "export const a = 1, b: string = ''",
            {"a": ("constant", "const a"), "b": ("constant", "const b: string")},
        ),
        ("export let a = 1", {"a": ("variable", "let a")}),
        ("export const {a, b: [c], ...d} = x", {n: ("constant", f"const {n}") for n in "acd"}),
        ("export type A<T> =\n  | 'a'\n  | T[]", {"A": ("type", 'type A<T> = "a" | T[]')}),
        ("export type {A}; interface A {}", {"A": ("interface", "interface A")}),
        (
            "export default foo; function foo(a) {}",
            {"default": ("function", "function default(a)")},
        ),
        ("export default (a) => a", {"default": ("function", "function default(a)")}),
        ("export default class extends B {}", {"default": ("class", "class default extends B")}),
        (
            "export default {a() {}, b: 1}",
            {
                "default": ("constant", "const default"),
                "default.a": ("method", "a()"),
                "default.b": ("property", "b"),
            },
        ),
        (
            "export {a as b, a as default}; const a = 1",
            {"b": ("constant", "const b"), "default": ("constant", "const default")},
        ),
        (
            "export = foo; declare function foo(a: number): void",
            {"default": ("function", "function default(a: number): void")},
        ),
        ("export declare const a: string", {"a": ("constant", "const a: string")}),
        (
            "export abstract class A<T> extends B<T> implements C, D {}",
            {"A": ("class", "abstract class A<T> extends B<T> implements C, D")},
        ),
        ("export import a = b.c", {"a": ("alias", "import a = b.c")}),
    ],
)
def test_an_export_shows_its_normal_form(text: str, expected: dict[str, tuple[str, str]]) -> None:
    assert shown(text) == expected


def test_members_of_a_class_are_shown_unless_they_are_private() -> None:
    text = """
    export class A {
      static readonly x?: number = 1; #y; private z; declare w: string;
      constructor(public q: T, private r = 1, s?: U) { super() }
      get v(): number { return 1 }
      protected abstract m(): void;
      handle = async (e: Event) => {};
      private secret() {}
      [Symbol.iterator]() {}
    }"""
    assert shown(text) == {
        "A": ("class", "class A"),
        "A.x": ("field", "static readonly x?: number"),
        "A.w": ("field", "w: string"),
        "A.constructor": ("method", "constructor(public q: T, private r = 1, s?: U)"),
        "A.q": ("field", "q: T"),
        "A.v": ("getter", "get v(): number"),
        "A.m": ("method", "protected abstract m(): void"),
        "A.handle": ("method", "async handle(e: Event)"),
        "A.[Symbol.iterator]": ("method", "[Symbol.iterator]()"),
    }


def test_members_of_interfaces_enums_and_namespaces_are_shown() -> None:
    text = """
    export interface I extends J { readonly a?: string; b(x: number): void; (): I; new (): I; [k: string]: any }
    export const enum E { A = 1, 'B-c' }
    export namespace N { export const v = 1; const hidden = 2; export namespace M { export type T = 1 } }
    """  # noqa: E501 - one declaration a line reads best
    assert shown(text) == {
        "I": ("interface", "interface I extends J"),
        "I.a": ("field", "readonly a?: string"),
        "I.b": ("method", "b(x: number): void"),
        "I.()": ("method", "(): I"),
        "I.new": ("method", "new(): I"),
        "I.[]": ("field", "[k: string]: any"),
        "E": ("enum", "const enum E"),
        "E.A": ("member", "A = 1"),
        "E.B-c": ("member", "B-c"),
        "N": ("namespace", "namespace N"),
        "N.v": ("constant", "const v"),
        "N.M": ("namespace", "namespace M"),
        "N.M.T": ("type", "type T = 1"),
    }


def test_ambient_modules_show_everything_also_from_within_a_module() -> None:
    text = "export {}; declare module 'foo' { function y(): void } declare global { var g: 1 }"
    assert shown(text, "a.d.ts") == {
        "foo": ("module", "module foo"),
        "foo.y": ("function", "function y(): void"),
        "global": ("global", "declare global"),
        "global.g": ("variable", "var g: 1"),
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("module.exports = {a, b: c, f() {}, 'q-r': 1, ...d}; const a = 1, c = 2", "a b f q-r"),
        ("exports.x = function (a) {}; exports.y = exports.z = 1", "x y z"),
        ("module.exports = class { m() {} }", "default default.m"),
        ("module.exports = A; function A() {} A.prototype.m = function () {}", "default default.m"),
        ("var app = exports = module.exports = {}; app.use = function (fn) {}", "use"),
        ("exports.x = void 0; exports.x = 1", "x"),
        ("Object.defineProperty(exports, 'x', {get})", "x"),
        ("Object.defineProperty(exports, '__esModule', {value: true})", ""),
        ("if (production) { module.exports = {a: 1} } else { exports.b = 2 }", "a b"),
        ("const hidden = require('./x'); function alsoHidden() {}", ""),
    ],
)
def test_commonjs_exports_are_shown(text: str, names: str) -> None:
    assert " ".join(sorted(shown(text, "a.js"))) == names


def test_a_script_shows_all_and_a_module_only_what_it_exports() -> None:
    assert set(shown("function a() {} const b = 1", "a.js")) == {"a", "b"}
    assert set(shown("function a() {} export const b = 1", "a.js")) == {"b"}
    assert set(shown("function a() {} const b = 1", "a.mjs")) == set()


def test_documentation_belongs_to_the_declaration_below_it() -> None:
    text = "/** File. */\nimport x from 'x'\n\n/**\n * Says *hi*.\n * @param a who\n */\n@dec\nexport class A {\n  /** Run. */\n  run() {}\n}"  # noqa: E501
    found = TYPESCRIPT.analyse("a.ts", text, chunk_chars=1000).declarations
    assert [(each.symbol.name, each.doc, each.start_line, each.end_line) for each in found] == [
        ("A", "Says *hi*.\n@param a who", 8, 12),
        ("A.run", "Run.", 11, 11),
    ]


def test_flow_annotations_in_javascript_are_read_as_types() -> None:
    text = "// @flow\nexport type A = {a: string};\nexport function f(a: ?A): void {}"
    found = JAVASCRIPT.analyse("a.js", text, chunk_chars=1000)
    assert [each.symbol.name for each in found.declarations] == ["A", "f"]
    assert found.diagnostics == ()


def test_chunks_are_named_by_what_others_can_not_see_too() -> None:
    text = """
import {helper} from './h';
function hidden(a) { return helper.run(a) + 1111111111111111 }
export class A {
  one() { return 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }
  #two() { return <div>{helper(22222222222222222222222222222222222222)}</div> }
}
"""
    chunks = JAVASCRIPT.analyse("a.jsx", text, chunk_chars=80).chunks
    assert [(chunk.start_line, chunk.symbol, chunk.kind, chunk.names) for chunk in chunks] == [
        (2, "", "", ("helper",)),
        (3, "hidden", "function", ("helper.run",)),
        (4, "A", "class", ()),
        (5, "A.one", "method", ()),
        (6, "A.#two", "method", ("helper",)),
        (7, "A", "class", ()),
    ]


def test_a_syntax_error_is_reported_and_the_rest_still_read() -> None:
    found = TYPESCRIPT.analyse(
        "a.ts", "export const a = 1;\nlet = = ;\nexport const b = 2;\n", chunk_chars=100
    )
    assert found.diagnostics == ("syntax error near line 2",)
    assert {"a", "b"} <= {each.symbol.name for each in found.declarations}


@pytest.mark.parametrize(
    "key", ["a.tsx", pytest.param("a.ts", marks=LONG), pytest.param("a.js", marks=LONG)]
)
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("x={a:", "}"),
        ("function a(){", "}"),
        ("class A{m(){", "}}"),
        ("namespace A{export ", "}"),
        ("if(a){}else ", "{}"),
        ("<a>", "</a>"),
        ("`${", "}`"),
        ("a=>", ""),
        ("const {a:", "}"),
        ("export type A=B<", ">"),
    ],
)
def test_deep_nesting_is_no_crash(key: str, opening: str, closing: str) -> None:
    text = opening * 10_000 + closing * 10_000
    found = TYPESCRIPT.analyse(key, text, chunk_chars=1000)
    assert max(len(chunk.text) for chunk in found.chunks) <= 1000
    assert all(len(chunk.symbol) < 1000 for chunk in found.chunks)


@pytest.mark.parametrize(("marks", "symbols"), [(500, {"f"}), (5_000, {""})])
def test_endless_marks_are_not_searched_for_definitions(marks: int, symbols: set[str]) -> None:
    text = "function f() {}\n" + "(" * marks
    chunks = JAVASCRIPT.analyse("a.js", text, chunk_chars=16).chunks
    assert {chunk.symbol for chunk in chunks[:1]} == symbols
