"""What a Java file declares, and where the classes lead that it names."""

import pytest
from language_trees import led_to, names_of, resolved

_MAIN, _TEST = "app/src/main/java/org/shop", "app/src/test/java/org/shop"
_FILES = (
    *(f"{_MAIN}/Order.java", f"{_MAIN}/Item.java", f"{_MAIN}/money/Amount.java"),
    *(f"{_MAIN}/money/Rate.java", f"{_TEST}/OrderTest.java", f"{_TEST}/Samples.java"),
)
_ORDER = f"{_MAIN}/Order.java"


def test_classes_have_what_others_can_use() -> None:
    names = names_of(
        "A.java",
        """package a;
@A public abstract class C<T extends D> extends E implements F, G {
  private final int x = 1; int y = 2, z;
  public C(int a) { super(); }
  <K> List<K> m(String... s) throws IOException { return null; }
  private class P { public int inside; }
  enum K { A(1), B { void f(){} }; int w; }
  interface I { int Q = 1; void g(); default void h() {} }
  record R(int a, String b) { R {} }
  @interface An { int v() default 1; }
}
""",
    )
    assert names["C"] == "@A public abstract class C<T extends D> extends E implements F, G"
    assert names["C.m"] == "<K> List<K> m(String... s) throws IOException"
    assert names["C.R"] == "record R(int a, String b)"
    assert names["C.z"] == "int y, z"
    assert names.keys() == {
        *("C", "C.y", "C.z", "C.C", "C.m", "C.K", "C.K.A", "C.K.B", "C.K.w", "C.I", "C.I.Q"),
        *("C.I.g", "C.I.h", "C.R", "C.An", "C.An.v"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import org.shop.money.Amount;", {f"{_MAIN}/money/Amount.java"}),
        ("import org.shop.money.Amount.Kind;", {f"{_MAIN}/money/Amount.java"}),
        ("import static org.shop.money.Amount.of;", {f"{_MAIN}/money/Amount.java"}),
        ("import static org.shop.money.Amount.*;", {f"{_MAIN}/money/Amount.java"}),
        ("import org.shop.money.*; class A { Rate r; }", {f"{_MAIN}/money/Rate.java"}),
        ("import org.shop.money.*;", set()),
        ("class A { Item i; }", {f"{_MAIN}/Item.java"}),
        ("class A { int f() { return Item.count(); } }", {f"{_MAIN}/Item.java"}),
        ("class A { Rate r; Samples s; }", set()),
        ("import java.util.Item; import other.Order;", set()),
    ],
)
def test_a_class_is_found_by_import_or_in_the_same_package(text: str, expected: set[str]) -> None:
    assert led_to(f"package org.shop; {text}", _ORDER, _FILES) == expected


def test_an_import_wins_over_a_class_of_the_same_package() -> None:
    text = "package org.shop; import other.Item; class A { Item i; }"
    assert led_to(text, _ORDER, _FILES) == set()


def test_tests_see_what_they_test() -> None:
    text = "package org.shop; class OrderTest { Order o = Samples.one(); }"
    assert led_to(text, f"{_TEST}/OrderTest.java", _FILES) == {_ORDER, f"{_TEST}/Samples.java"}


def test_a_link_names_the_class_and_what_is_inside_of_it() -> None:
    text = "package org.shop; import static org.shop.money.Amount.Kind.of;"
    (link,) = resolved(text, _ORDER, _FILES).links
    assert (link.local, link.name) == ("of", "Amount.Kind.of")


def test_the_package_tells_where_packages_begin() -> None:
    assert led_to("package b; class A { B b; }", "x/b/A.java", ("x/b/B.java",)) == {"x/b/B.java"}
    assert led_to("class A { B b; }", "A.java", ("B.java",)) == {"B.java"}
    assert led_to("package c; import d.E;", "x/b/A.java", ("src/d/E.java",)) == {"src/d/E.java"}
