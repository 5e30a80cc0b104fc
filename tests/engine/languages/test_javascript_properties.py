"""What holds for any JavaScript and TypeScript: form does not matter, nothing raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.languages.ecmascript_signatures import normal_form
from engine.languages.javascript import JAVASCRIPT, TYPESCRIPT
from prewarm import Symbol

# A comment between `?` and `:` is more than the grammar takes.
SOURCE = (
    "export abstract class A < T extends B = { } > extends C < T > implements D , E { "
    "static async * m ( a : T , { b , c : [ d ] = [ ] } : P = { } , ... r : T [ ] ) : void "
    "{ BODY } get v ( ) : number { BODY } readonly f ?: string | null = 1 ; "
    "constructor ( public q : T ) { BODY } } "
    "export const g = async ( a = 1 , b : ( ) => void ) : Promise < T > => { BODY } ; "
    "export function h ( a ?: 'x' | 'y' ) : a is string { BODY } "
    "export interface I < K > { a : string ; readonly b ?: K [ ] ; m ( x : number ) : void ; "
    "[ k : string ] : any } "
    "export type U = { x : 1 ; y : ( a : string ) => [ A , B ] } & keyof typeof z ; "
    "export enum N { P = 1 , Q = 'q' } "
    "export namespace O { export function i ( ) : void { BODY } } "
    "function hidden ( ) { BODY }"
)
TOKENS = SOURCE.split()
# A line may not end just anywhere, but it may after these.
BREAKABLE = frozenset(["(", "{", ",", ";", "=", "[", "<"])
GAPS = st.sampled_from([" ", "  ", "\t", " /* c, d */ ", "/** doc */"])
BREAKS = st.sampled_from([" ", "\n", "\r\n    ", " // c {\n", "\n/* c\n d */\n"])
BODIES = st.sampled_from(
    [
        "",
        "return 1",
        "const x = { a: 1 }; return x",
        "if (a) { throw b } // }\n",
        "f(`${a}`, /}/)",
        "class X { y() {} } function z() {}",
        "for (;;) { break }",
        "'}'; \"{\"; label: {}",
    ]
)


@st.composite
def renderings(draw: st.DrawFn) -> str:
    parts = []
    for token in TOKENS:
        parts.append(draw(BODIES) if token == "BODY" else token)
        parts.append(draw(BREAKS if token in BREAKABLE else GAPS))
    return "".join(parts)


def symbols(text: str, key: str = "a.ts") -> list[Symbol]:
    found = TYPESCRIPT.analyse(key, text, chunk_chars=1000).declarations
    return [each.symbol for each in found]


PLAIN = symbols(" ".join(token for token in TOKENS if token != "BODY"))


@settings(max_examples=30, deadline=None)
@given(renderings())
def test_blanks_comments_and_bodies_do_not_change_what_is_shown(text: str) -> None:
    assert symbols(text) == PLAIN


def test_the_plain_rendering_shows_everything() -> None:
    names = "A A.constructor A.f A.m A.q A.v I I.[] I.a I.b I.m N N.P N.Q O O.i U g h"
    assert " ".join(sorted(symbol.name for symbol in PLAIN)) == names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a, b,)", "(a,b)"),
        ("{a: 'x'; b: 1}", '{\n  a: "x"\n  b: 1\n}'),
        ("{a: 1, b: 2}", "{ a: 1; b: 2; }"),
        ("= | 'a' | 'b';", '= "a"\n  | "b"'),
        ("{a: A extends B\n ? C : D}", "{ a: A extends B ? C : D }"),
        ("<T,>(a: T)", "<T>(a: T)"),
    ],
)
def test_separators_quotes_and_line_ends_are_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a, b)", "(b, a)"),
        ("(a?: T)", "(a: T)"),
        ("(a: 'x y')", "(a: 'x  z')"),
        ("= A | B", "= A & B"),
        ("x" * 5000, "x" * 5000 + "y"),
    ],
)
def test_what_readers_must_know_is_no_form(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


@given(st.text())
def test_a_normal_form_is_one_line_and_its_own_normal_form(text: str) -> None:
    form = normal_form(text)
    assert len(form.splitlines()) <= 1
    assert len(form) < 2100


SAMPLE = SOURCE + (
    " import d, {e as f} from './x'; export * from './y'; module.exports = {a, b() {}};"
    " const {q} = require('./z'); export default <div a={1}>text {x}</div>; `t${u}`; /re/g;"
    " declare module 'm' { } @dec class Z { #p = 1 } ä = '\U0001f600'; exports.x = class {}"
)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    text = SAMPLE
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 40))
        text = text[:at] + draw(st.text(max_size=6)) + text[at + length :]
    return text


@settings(max_examples=100, deadline=None)
@given(mangled() | st.text(), st.sampled_from(["a.js", "a.ts", "a.tsx", "a.d.ts", "a.mjs"]))
def test_mangled_text_is_analysed_without_raising(text: str, key: str) -> None:
    language = TYPESCRIPT if "ts" in key else JAVASCRIPT
    found = language.analyse(key, text, chunk_chars=80)
    assert found == language.analyse(key, text, chunk_chars=80)
    last = max(1, text.count("\n") + text.count("\r") + 1)
    for each in found.declarations:
        assert 1 <= each.start_line <= each.end_line <= last
        assert len(each.symbol.signature.splitlines()) <= 1


def test_lone_surrogates_do_not_stop_the_analysis() -> None:
    assert JAVASCRIPT.analyse("a.js", "export const a = '\ud800'", chunk_chars=80).declarations


@pytest.mark.parametrize("functions", [3_000, pytest.param(14_000, marks=pytest.mark.long)])
def test_a_minified_bundle_is_cut_within_the_bound(functions: int) -> None:
    unit = "function a{0}(b,c){{return b?c[{0}]:require('./m{0}').d(b)}}var e{0}=b=>b+1;"
    text = "".join(unit.format(number) for number in range(functions))
    found = JAVASCRIPT.analyse("a.min.js", text, chunk_chars=1500)
    assert max(len(chunk.text) for chunk in found.chunks) <= 1500
    assert len(found.references) == functions
