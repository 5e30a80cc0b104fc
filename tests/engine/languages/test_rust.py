"""What a Rust file declares, and where its modules and uses lead."""

import pytest
from language_trees import led_to, names_of, resolved

_MANIFEST = {"Cargo.toml": '[package]\nname = "the-shop"\n'}
_FILES = (
    *("src/lib.rs", "src/money.rs", "src/money/rate.rs", "src/store/mod.rs", "src/store/order.rs"),
    *("src/main.rs", "src/bin/tool.rs", "tests/all.rs", "tests/common/mod.rs"),
)


def test_types_have_their_fields_variants_and_methods() -> None:
    names = names_of(
        "a.rs",
        """
#[derive(Clone, Debug,)]
pub struct S<T> where T: A { pub x: i32, y: Vec<T> }
struct U(pub i32, String);
enum E { A, B(i32), C { x: i32 }, D = 4 }
impl<T> S<T> { pub fn new(x: i32,) -> Self { todo!() } }
impl<T> fmt::Display for S<T> { fn fmt(&self) {} }
trait Tr: X { type Q; fn f(&self); fn g() {} }
mod n { pub fn h() {} }
macro_rules! mm { () => {} }
pub const A: i32 = 1;
static B: (u8,) = (1,);
extern "C" { fn foo(); }
""",
    )
    assert names["S"] == "#[derive(Clone, Debug)] pub struct S<T> where T: A"
    assert names["S.new"] == "pub fn new(x: i32) -> Self"
    assert names["U"] == "struct U(pub i32, String)"
    assert names["E.D"] == "D"
    assert names["B"] == "static B: (u8,)"
    assert names.keys() >= {
        "S.x",
        "E.C.x",
        "S.Display",
        "S.fmt",
        "Tr.Q",
        "Tr.g",
        "n.h",
        "mm",
        "foo",
    }


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("mod money;", "src/lib.rs", {"src/money.rs"}),
        ("mod store;", "src/main.rs", {"src/store/mod.rs"}),
        ("mod order;", "src/store/mod.rs", {"src/store/order.rs"}),
        ("mod rate;", "src/money.rs", {"src/money/rate.rs"}),
        ("mod money { mod rate; }", "src/lib.rs", {"src/money/rate.rs"}),
        ("mod common;", "tests/all.rs", {"tests/common/mod.rs"}),
        ('#[path = "../money.rs"] mod x;', "src/store/mod.rs", {"src/money.rs"}),
        ("use crate::money::Amount;", "src/store/order.rs", {"src/money.rs"}),
        ("use crate::money::rate::Rate;", "src/store/order.rs", {"src/money/rate.rs"}),
        ("use super::Item;", "src/store/order.rs", {"src/store/mod.rs"}),
        ("use super::super::Item;", "src/store/order.rs", {"src/lib.rs"}),
        ("mod tests { use super::*; }", "src/store/order.rs", set()),
        ("mod tests { use super::super::x; }", "src/store/order.rs", {"src/store/mod.rs"}),
        ("use self::rate::R;", "src/money.rs", {"src/money/rate.rs"}),
        ("use rate::R;", "src/money.rs", {"src/money/rate.rs"}),
        ("use the_shop::money::A;", "tests/all.rs", {"src/money.rs"}),
        ("use the_shop::money::A;", "src/bin/tool.rs", {"src/money.rs"}),
        ("use crate::{money::{A, rate}, store::*};", "src/lib.rs", set(_FILES[1:4])),
        ("fn f() { crate::money::rate::g() }", "src/lib.rs", {"src/money/rate.rs"}),
        ("use std::money::A; use serde::D;", "src/lib.rs", set()),
        ("use crate::money;", "tests/all.rs", set()),
    ],
)
def test_a_path_leads_where_the_compiler_finds_it(text: str, key: str, expected: set[str]) -> None:
    assert led_to(text, key, _FILES, _MANIFEST) == expected


def test_a_use_binds_what_is_left_of_its_path() -> None:
    text = "pub use crate::money::{rate::Rate as R, Unit::*, self};"
    links = resolved(text, "src/store/order.rs", _FILES, _MANIFEST).links
    assert {(link.local, link.key, link.name, link.exported) for link in links if link.local} == {
        ("R", "src/money/rate.rs", "Rate", True),
        ("*", "src/money.rs", "Unit.*", True),
        ("money", "src/money.rs", "", True),
    }


def test_crates_of_the_workspace_are_found_by_their_manifests() -> None:
    texts = {
        "Cargo.toml": '[workspace]\n[workspace.dependencies]\nlog-er = {path = "log"}\n',
        "app/Cargo.toml": '[dependencies]\nlog-er.workspace = true\nnet = {path = "../net"}\n',
        "log/Cargo.toml": '[package]\nname = "log-er"\n',
        "net/Cargo.toml": '[package]\nname = "net"\n[lib]\npath = "code/all.rs"\n',
    }
    keys = ("log/src/lib.rs", "log/src/level.rs", "net/code/all.rs", "net/code/tcp.rs")
    text = "use log_er::level::L; use net::tcp; use net::X; use other::Y;"
    found = resolved(text, "app/src/main.rs", (*keys, "app/src/main.rs"), texts)
    assert {link.key for link in found.links} == {keys[1], keys[2], keys[3]}
    assert set(found.consulted) == texts.keys()


def test_a_malformed_manifest_is_passed_over() -> None:
    text = "use crate::money::A;"
    keys = ("src/lib.rs", "src/money.rs")
    assert led_to(text, "src/a.rs", keys, {"Cargo.toml": "[[["}) == {"src/money.rs"}
