"""Which imported names a text uses."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.languages import Binding, Reference
from engine.languages.names import names_bound_by


def used(text: str, *locals_: str) -> tuple[str, ...]:
    bindings = tuple(Binding("", local, exported=True) for local in locals_)
    return names_bound_by([Reference("m", bindings)])(text)


def test_dotted_uses_of_bound_names_are_found() -> None:
    assert used("a.b(c, d.e)\nself.c x.d ac ca", "a", "c", "d.e") == ("a.b", "c", "d.e")


def test_a_name_after_spread_dots_is_a_use() -> None:
    assert used("[...a.b]", "a") == ("a.b",)


def test_without_bindings_no_name_is_used() -> None:
    assert used("a.b") == ()
    assert used("a.b", "") == ()


def test_a_star_may_bind_every_name() -> None:
    assert used("a.b + 1x c", "*") == ("a.b", "c")


@given(
    text=st.text(alphabet="ab_.é \n(1$"),
    heads=st.sets(st.sampled_from(["a", "ab", "_", "é", "b1"])),
)
def test_the_search_agrees_with_a_pattern(text: str, heads: set[str]) -> None:
    found = re.finditer(r"(?<![\w$])(?:(?<!\.)|(?<=\.\.))[\w$]+(?:\.[\w$]+)*", text)
    expected = {match[0] for match in found if match[0].split(".")[0] in heads}
    assert set(used(text, *heads)) == expected
