"""Where the types lead that a C# file names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_trees import led_to, resolved

from engine.languages import language_of

_SHOP, _TEXT, _TESTS = "src/Acme.Shop", "src/Acme.Text", "tests/Acme.Shop.Tests"
_FILES = (
    *(f"{_SHOP}/Store/Order.cs", f"{_SHOP}/Store/Item.cs", f"{_SHOP}/Money/Amount.cs"),
    *(f"{_SHOP}/Money/Rate.cs", f"{_SHOP}/Currency.cs", f"{_SHOP}/Store/ShownAttribute.cs"),
    *(f"{_SHOP}/Store/Basket.cs", f"{_SHOP}/Store/Basket.Totals.cs", f"{_TEXT}/Words.cs"),
    *(f"{_TESTS}/Store/OrderTests.cs", f"{_TESTS}/Samples.cs"),
)
_ORDER = f"{_SHOP}/Store/Order.cs"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class Order : Item { }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { Item[] items; }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { List<Item?> F() => null; }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { void F(Item i) { } }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { void F() { G(new Item { Id = 1 }); } }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { void F() { Item.Open(); } }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order { void F() { G<Item>(); } }", {f"{_SHOP}/Store/Item.cs"}),
        ("class Order<T> where T : Item { }", {f"{_SHOP}/Store/Item.cs"}),
        ("[Shown] class Order { }", {f"{_SHOP}/Store/ShownAttribute.cs"}),
        ("[ShownAttribute] class Order { }", {f"{_SHOP}/Store/ShownAttribute.cs"}),
        ("class Order { Currency c; }", {f"{_SHOP}/Currency.cs"}),
        ("class Order { Basket b; }", {f"{_SHOP}/Store/Basket{p}.cs" for p in ("", ".Totals")}),
    ],
)
def test_a_type_of_the_own_namespaces_is_found_where_one_is_named(
    text: str, expected: set[str]
) -> None:
    assert led_to(f"namespace Acme.Shop.Store;\n{text}", _ORDER, _FILES) == expected
    assert led_to(f"namespace Acme.Shop.Store {{ {text} }}", _ORDER, _FILES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "class Order { int Item; void Basket() { Basket(); this.Currency(); } }",
        "class Order { int F() { x.Item = 1; return x.Basket; } }",
        "class Order { object o = new O { Item = 1 }; }",
        "class Order<Item> { class Basket { } Item i; Basket b; }",
        "class Order { Item Item; } class Item { }",
        "class Order { Amount a; Words w; Samples s; }",
        'class Order { string s = "Item"; /* Item */ }',
    ],
)
def test_what_names_no_type_or_one_that_is_not_in_sight_leads_nowhere(text: str) -> None:
    assert led_to(f"namespace Acme.Shop.Store;\n{text}", _ORDER, _FILES) == set()


@pytest.mark.parametrize(
    ("using", "name", "expected"),
    [
        ("using Acme.Shop.Money;", "Amount", {f"{_SHOP}/Money/Amount.cs"}),
        ("global using Acme.Shop.Money;", "Amount", {f"{_SHOP}/Money/Amount.cs"}),
        ("using Acme.Text;", "Words", {f"{_TEXT}/Words.cs"}),
        ("using Acme.Shop.Tests;", "Samples", set()),
        ("using Other.Text;", "Words", set()),
        ("using System.Text;", "Words", set()),
        ("using static Acme.Shop.Money.Rate;", "int", {f"{_SHOP}/Money/Rate.cs"}),
        ("using Sum = Acme.Shop.Money.Amount;", "Sum", {f"{_SHOP}/Money/Amount.cs"}),
        ("using Item = Acme.Shop.Money.Gone;", "Item", set()),
    ],
)
def test_a_using_leads_to_the_folders_of_its_namespace(
    using: str, name: str, expected: set[str]
) -> None:
    text = f"{using}\nnamespace Acme.Shop.Store;\nclass Order {{ {name} a; }}"
    assert led_to(text, _ORDER, _FILES) == expected


def test_tests_see_what_they_test() -> None:
    text = (
        "using Acme.Shop.Store; using Acme.Shop.Money;"
        "namespace Acme.Shop.Tests.Store { class OrderTests { Order o = Samples.Of(new Rate()); } }"
    )
    expected = {_ORDER, f"{_TESTS}/Samples.cs", f"{_SHOP}/Money/Rate.cs"}
    assert led_to(text, f"{_TESTS}/Store/OrderTests.cs", _FILES) == expected


@pytest.mark.parametrize(
    ("using", "folder"),
    [
        ("A.B.C", "A/B/C"),
        ("A.B.C", "A.B/C"),
        ("A.B.C", "A.B.C"),
        ("A.B.C", "src/A.B/C"),
        ("A.B.C", "lib/src/A/B/C"),
        ("Y.C", "lib/C"),
    ],
)
def test_a_namespace_is_a_folder_with_dots_or_slashes(using: str, folder: str) -> None:
    text = f"using {using}; namespace Y.X {{ class P {{ Q q; }} }}"
    assert led_to(text, "lib/X/P.cs", (f"{folder}/Q.cs",)) == {f"{folder}/Q.cs"}


def test_the_library_of_the_language_is_looked_for_in_itself_only() -> None:
    text = "using System.Text; namespace {}.IO {{ class A : Words {{ }} }}"
    files = ("System/Text/Words.cs",)
    assert led_to(text.format("System"), "System/IO/A.cs", files) == set(files)
    assert led_to(text.format("Other"), "System/IO/A.cs", files) == set()


@pytest.mark.parametrize("own", [f"{_SHOP}/Store/Rate.cs", f"{_SHOP}/Rate.cs", "Acme/Rate.cs"])
def test_the_own_namespaces_win_over_a_used_one(own: str) -> None:
    text = "using Acme.Shop.Money; namespace Acme.Shop.Store { class Order { Rate r; } }"
    assert led_to(text, _ORDER, (*_FILES, own)) == {own}


def test_the_parts_of_a_type_lead_to_each_other() -> None:
    text = "namespace Acme.Shop.Store; partial class Basket { }"
    other = f"{_SHOP}/Store/Basket.Totals.cs"
    assert led_to(text, f"{_SHOP}/Store/Basket.cs", _FILES) == {other}
    assert led_to(text, other, _FILES) == {f"{_SHOP}/Store/Basket.cs"}


def test_a_link_names_the_type_by_its_whole_name() -> None:
    text = "using Sum = Acme.Shop.Money.Amount; namespace Acme.Shop.Store; [Shown] class A : Sum {}"
    found = {(each.local, each.name) for each in resolved(text, _ORDER, _FILES).links}
    assert found == {("Sum", "Amount"), ("Shown", "ShownAttribute")}


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 30), st.integers(0, 12))
def test_what_is_asked_is_bounded(usings: int, parts: int, depth: int) -> None:
    spaces = (".".join(f"N{at}x{part}" for part in range(parts)) for at in range(usings))
    text = "".join(f"using {space}; using T = {space}.U;" for space in spaces) + "class A : B {}"
    key = "/".join((*(f"f{at}" for at in range(depth)), "A.cs"))
    assert len(resolved(text, key, ()).probes) <= 256
    names = "".join(f"class A{at} : B{at} {{ }}" for at in range(usings))
    assert len(language_of(key).analyse(key, names, chunk_chars=1200).references) <= 400
