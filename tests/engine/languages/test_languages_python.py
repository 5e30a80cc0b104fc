"""What readers of a Python module see, construct by construct, and what they don't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.languages import Analysis, Binding, Declaration, Reference
from engine.languages.python import PYTHON
from engine.languages.python_signatures import normal_form


def analysed(text: str) -> Analysis:
    return PYTHON.analyse("a.py", text, chunk_chars=1200)


def signatures(text: str) -> list[str]:
    return [declared.symbol.signature for declared in analysed(text).declarations]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.symbol.kind, each.symbol.name) for each in analysed(text).declarations]


def declared(text: str, name: str) -> Declaration:
    return next(each for each in analysed(text).declarations if each.symbol.name == name)


def references(text: str) -> list[Reference]:
    return list(analysed(text).references)


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("def f(): pass", "def f()"),
        ("def f(a, /, b:int=1, *, c='x', **kw)->  list[int]: ...", None),
        ("async def f(*args): ...", "async def f(*args)"),
        ("def f[T: int](a: T) -> T: ...", "def f[T: int](a: T) -> T"),
        ("def f(\n    a,  # why\n    b,\n): ...", "def f(a, b)"),
        ("def f(a=(1,)): ...", "def f(a=(1,))"),
        ("def f(a=[1,], b={'x': 1,}): ...", 'def f(a=[1], b={"x": 1})'),
        ("def f(a: 'A | None' = None): ...", 'def f(a: "A | None"=None)'),
        ("def f(a=0xFF, b=-1): ...", "def f(a=255, b=-1)"),
        ("class A: pass", "class A"),
        ("class A(): pass", "class A"),
        ("class A(B, metaclass = M): pass", "class A(B, metaclass=M)"),
        ("class A[T](list[T]): pass", "class A[T](list[T])"),
        ("@dataclass(frozen=True)\nclass A: pass", "@dataclass(frozen=True) class A"),
        ("type A[T] = list[T]", "type A[T] = list[T]"),
        ("A: TypeAlias = 'int'", 'A: TypeAlias = "int"'),
        ("x = 1", "x"),
        ("x: Final = 1", "x: Final"),
        ("x: int", "x: int"),
        ("x = module.other", "x = module.other"),
        ("x = None", "x"),
    ],
)
def test_a_signature_is_one_line_in_a_normal_form(text: str, signature: str | None) -> None:
    expected = signature or 'def f(a, /, b: int=1, *, c="x", **kw) -> list[int]'
    assert signatures(text) == [expected]


def test_a_class_shows_its_methods_fields_and_inner_classes() -> None:
    text = """
class A(B):
    x: int = 5
    y = 1

    @property
    def z(self) -> int:
        def hidden(): ...
        return 1

    @staticmethod
    def s(): ...

    class Meta:
        ordering = ["x"]
"""
    assert kinds(text) == [
        ("class", "A"),
        ("field", "A.x"),
        ("field", "A.y"),
        ("method", "A.z"),
        ("method", "A.s"),
        ("class", "A.Meta"),
        ("field", "A.Meta.ordering"),
    ]
    assert signatures(text)[1:5] == [
        *("x: int = 5", "y", "@property def z(self) -> int", "@staticmethod def s()")
    ]


def test_every_target_of_an_assignment_is_a_variable() -> None:
    text = "a = b = 1\nc, (d, *e) = f\ng.h = i[0] = 1\n(j) = 2\na = 3\n"
    assert [name for _, name in kinds(text)] == ["a", "b", "c", "d", "e", "j"]


def test_what_is_defined_under_a_condition_is_defined() -> None:
    text = """
if TYPE_CHECKING:
    def f(): ...
elif x:
    def g(): ...
else:
    h = 1
try:
    import fast
except ImportError:
    class Slow: ...
finally:
    k = 1
with a as b:
    m = 1
match x:
    case 1:
        n = 1
"""
    assert {name for _, name in kinds(text)} == {*"fghkmn", "Slow"}


def test_overloads_are_all_there() -> None:
    text = "@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a): ...\n"
    assert signatures(text) == [*("@overload def f(a: int)", "@overload def f(a: str)", "def f(a)")]


def test_a_docstring_is_documentation_and_a_body_is_nothing() -> None:
    text = 'def f():\n    """Does it.\n\n    With care.\n    """\n    return 1\n'
    assert declared(text, "f").doc == "Does it.\n\nWith care."
    assert declared("def f():\n    x = 'no'\n", "f").doc == ""
    assert declared("class A:\n    r'''raw'''\n", "A").doc == "raw"


def test_lines_begin_at_the_first_decorator() -> None:
    found = declared("x = 1\n\n@d\n@e\ndef f():\n    return 1\n", "f")
    assert (found.start_line, found.end_line) == (3, 6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a", [Reference("a", (Binding("", "a", True),))]),
        ("import a.b", [Reference("a.b", (Binding("", "a.b", True),))]),
        ("import a.b as c", [Reference("a.b", (Binding("", "c", True),))]),
        (
            "import a, b.c as d",
            [
                Reference("a", (Binding("", "a", True),)),
                Reference("b.c", (Binding("", "d", True),)),
            ],
        ),
        (
            "from a import (\n  b as c,  # d\n  e,\n)",
            [Reference("a", (Binding("b", "c", True), Binding("e", "e", True)))],
        ),
        ("from a \\\n import b", [Reference("a", (Binding("b", "b", True),))]),
        ("from . import b", [Reference(".", (Binding("b", "b", True),))]),
        ("from .import b", [Reference(".", (Binding("b", "b", True),))]),
        ("from ....a.b import c", [Reference("....a.b", (Binding("c", "c", True),))]),
        ("from a import *", [Reference("a", (Binding("*", "*", True),))]),
        ("if TYPE_CHECKING:\n  import a", [Reference("a", (Binding("", "a", True),))]),
        ("try:\n  import a\nexcept E: pass", [Reference("a", (Binding("", "a", True),))]),
        ("def f():\n  import a", [Reference("a", (Binding("", "a", False),))]),
        ("class A:\n  from a import b", [Reference("a", (Binding("b", "b", False),))]),
        ("x = import_module('a.b')", [Reference("a.b", (Binding("", "a.b", False),))]),
        ("'''\n    import a\n'''\nx = 'import b'  # import c", []),
    ],
)
def test_an_import_says_what_it_binds(text: str, expected: list[Reference]) -> None:
    assert references(text) == expected


def test_many_imports_in_functions_are_found_too() -> None:
    text = "".join(f"def f{i}():\n    import m{i}\n" for i in range(200))
    assert [reference.text for reference in references(text)] == [f"m{i}" for i in range(200)]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("x = 1", ""),
        ("__all__ = ['b', \"a\"]", "__all__ a,b"),
        ("__all__ = ('a',) + other.__all__", "__all__ *other.__all__,a"),
        ("__all__ = ['a']\n__all__ += ['b']\n__all__.extend(['c'])", "__all__ a,b,c"),
        ("__all__ = []", "__all__ "),
    ],
)
def test_what_a_star_import_brings_is_seen_by_readers(text: str, detail: str) -> None:
    assert analysed(text).detail == detail


def test_chunks_name_the_imports_that_they_use() -> None:
    text = "import a.b\nfrom c import d as e\nx = a.b.f(e.g, self.e, be)\n"
    assert analysed(text).chunks[0].names == ("a.b", "a.b.f", "e", "e.g")


def test_with_a_star_import_every_name_may_be_imported() -> None:
    assert set(analysed("from a import *\nx = y.z(1)\n").chunks[0].names) >= {"x", "y.z"}


def test_a_syntax_error_is_a_diagnostic_and_the_rest_is_read() -> None:
    text = "import a\ndef f(x): ...\n\nclass A(:\n    def g(self): ...\n\ndef h(): ...\n"
    analysis = analysed(text)
    assert analysis.diagnostics == ("syntax error near line 4",)
    assert {"f", "h"} <= {each.symbol.name for each in analysis.declarations}
    assert [reference.text for reference in analysis.references] == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "print 'x'\nexec 'y'\ntry:\n    a\nexcept E, e:\n    raise E, 'z'\n",
        "from {{ module }} import {% for n in names %}{{ n }}{% endfor %}\n",
        "from import\nimport\nfrom . import\nimport ,\nfrom a import\n__all__\n@\n",
        "(" * 10_000 + ")" * 10_000,
        "".join("    " * depth + "if x:\n" for depth in range(300)),
        "a = " * 10_000 + "1",
        "x = " + "f(" * 10_000 + "import_module('x')",
    ],
)
def test_what_is_no_python_is_read_all_the_same(text: str) -> None:
    analysis = analysed(text)
    assert "".join(chunk.text for chunk in analysis.chunks).strip()


_WORDS = st.sampled_from(["a", "b: int", "c=1", "*args", "d='x'", "e: 'T' = None", "f=[1, 2]"])
_PARAMETERS = st.lists(_WORDS, max_size=5)


def written(parameters: list[str], *, loose: bool, body: str, comment: str) -> str:
    if not loose:
        return f"def f({', '.join(parameters)}): {body}\n"
    lines = "".join(f"\n      {each.replace('=', ' = ')} ,  # {comment}" for each in parameters)
    lead = f"# {comment}\n\n"
    return lead + f"def  f ( {lines}\n )  : # {comment}\n    '{comment}'\n    {body}\n"


@given(
    parameters=_PARAMETERS,
    body=st.sampled_from(["...", "return 1", "x = 2"]),
    comment=st.from_regex(r"[a-z :,()#]{0,12}", fullmatch=True),
)
def test_layout_comments_and_body_leave_the_signature_equal(
    parameters: list[str], body: str, comment: str
) -> None:
    tight = written(parameters, loose=False, body="...", comment="")
    loose = written(parameters, loose=True, body=body, comment=comment)
    assert signatures(tight) == signatures(loose)


@given(first=_PARAMETERS, second=_PARAMETERS)
def test_other_parameters_make_another_signature(first: list[str], second: list[str]) -> None:
    one, other = (
        signatures(written(each, loose=False, body="...", comment="")) for each in (first, second)
    )
    assert (one == other) == (first == second)


@given(st.text())
def test_a_normal_form_is_one_line_and_stays_as_it_is(text: str) -> None:
    form = normal_form(text)
    assert normal_form(form) == form
    assert "\n" not in form.replace("\\\n", "")


@pytest.mark.parametrize(
    "text", ["__all__ = " + "a" * 300_000, "def f(a=" + "'x' " * 50_000 + "): ..."]
)
def test_hostile_names_and_headers_are_bounded(text: str) -> None:
    assert all(len(signature) <= 2_100 for signature in signatures(text))


def test_a_definition_without_a_usable_name_is_none() -> None:
    assert kinds("def (): ...\nx = 1\n" + "y" * 1_000 + " = 1\n") == [("variable", "x")]


@given(st.from_regex(r"\((\*{0,2}[ai][a-b.]{0,2}(, )?){0,3}\):?", fullmatch=True))
def test_the_short_cut_for_plain_names_agrees_with_the_tokens(text: str) -> None:
    assert normal_form(text) == normal_form(" " + text)
