"""What C and C++ declare, and where their includes lead."""

import pytest
from language_trees import led_to, names_of, resolved

_FILES = (
    *("a/x.h", "a/src/y.h", "include/z.h", "include/lib/w.h", "src/v.h", "u.h", "string.h"),
    *("other/t.h", "a/include/x.h"),
)


def test_declarators_are_looked_through() -> None:
    names = names_of(
        "a.h",
        """
int f(int a, char *b);
static inline int *g(void) { return 0; }
typedef int (*fp)(int);
int (*fptr)(int), q[3], w = 1;
typedef struct s { int x, *y; int (*cb)(int); struct { int deep; } in; } s_t;
typedef struct { int only; } anonymous;
struct used *elsewhere(struct used *x);
enum e { A, B = 2 };
""",
    )
    assert list(names) == [
        *("f", "g", "fp", "fptr", "q", "w", "s_t", "s", "s.x", "s.y", "s.cb", "s.in", "s.in.deep"),
        *("anonymous", "anonymous.only", "elsewhere", "e", "A", "B"),
    ]
    assert names["f"] == "int f(int a, char *b)"
    assert names["fptr"] == "int(*fptr)(int), q[3], w"
    assert names["s_t"] == "typedef struct s s_t"


def test_classes_namespaces_and_templates_dot_the_names() -> None:
    names = names_of(
        "a.hpp",
        """
namespace n::m {
template<typename T> class C : public D<T> {
public:
    C(int) : x(1) {}
    virtual ~C() = default;
    int m() const { return 1; }
    T operator+(T o);
    using Q = int;
};
enum class K { A };
}
template<> int n::m::C<int>::m() const { return 2; }
auto &r() -> int;
""",
    )
    assert names["n.m.C"] == "template<typename T> class C: public D<T>"
    assert names["n.m.C.C"] == "C(int)"
    assert names.keys() >= {"n.m.C.~C", "n.m.C.m", "n.m.C.operator+", "n.m.C.Q", "n.m.K.A", "r"}
    assert list(names_of("a.cc", "int n::C<int>::m() { return 2; }")) == ["n.C.m"]


def test_a_header_of_cpp_is_read_as_such_whatever_its_suffix() -> None:
    assert "n.C" in names_of("a.h", "namespace n { class C { public: C(); }; }\n")


def test_conditions_and_guards_are_looked_into() -> None:
    inner = "#ifdef X\n#include <u.h>\nint f(void);\n#else\nint g(void);\n#endif\n"
    text = f"#ifndef A_H\n#define A_H\n{inner}#endif\n"
    assert {"f", "g", "A_H"} <= names_of("a.h", text).keys()
    assert led_to(text, "a/b.h", _FILES) == {"u.h"}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ('"x.h"', "a/x.h"),
        ("<x.h>", "a/include/x.h"),
        ('"y.h"', "a/src/y.h"),
        ('"../u.h"', "u.h"),
        ('"z.h"', "include/z.h"),
        ("<z.h>", "include/z.h"),
        ("<lib/w.h>", "include/lib/w.h"),
        ('"v.h"', "src/v.h"),
        ('"other/t.h"', "other/t.h"),
        ('"t.h"', ""),
        ("<string.h>", ""),
        ("<vector>", ""),
        ('"string.h"', "string.h"),
        ('"/etc/x.h"', ""),
        ("MACRO", ""),
    ],
)
def test_an_include_is_found_along_the_search_order(include: str, expected: str) -> None:
    found = led_to(f"#include {include}\n", "a/b.c", _FILES)
    assert found == ({expected} if expected else set())


@pytest.mark.parametrize("around", ["int f(void) {%s}", "int f(int x) {\nif (x) {%s}\n}"])
def test_an_include_inside_of_a_body_is_one_too(around: str) -> None:
    assert led_to(around % '\n#include "x.h"\n', "a/b.c", _FILES) == {"a/x.h"}


def test_what_a_header_includes_is_passed_on() -> None:
    (link,) = resolved('#include "x.h"\n', "a/b.h", _FILES).links
    assert (link.local, link.name, link.exported) == ("*", "*", True)
