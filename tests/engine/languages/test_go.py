"""What a Go file declares, and where its imports lead."""

import pytest
from language_trees import led_to, names_of, resolved

_MODULE = {"go.mod": "module example.org/shop // the shop\n\ngo 1.21\n"}
_FILES = ("money/amount.go", "money/rate.go", "money/rate_test.go", "store/a.go", "store/b.go")
_IMPORT = 'package store\nimport "example.org/shop/money"\n'


def test_types_have_their_fields_and_methods() -> None:
    names = names_of(
        "a.go",
        """package a
type A[T any] struct {
	B
	*c.D
	x, y int `json:"x"`
}
type (
	I interface {
		M(int) error
	}
	E = int
)
func (a *A[T]) F(x int) error { return nil }
func (A[T]) G() {}
const (
	X = iota
	Y
)
var z, w map[string][]int = nil, nil
""",
    )
    assert list(names) == (
        ["A", "A.B", "A.D", "A.x", "A.y", "I", "I.M", "E", "A.F", "A.G", "X", "Y", "z", "w"]
    )
    assert names["A"] == "type A[T any] struct"
    assert names["A.F"] == "func(a *A[T]) F(x int) error"
    assert names["A.y"] == 'x, y int `json:"x"`'
    assert names["I.M"] == "M(int) error"


def test_a_group_offers_the_same_as_single_declarations() -> None:
    grouped = names_of("a.go", "package a\ntype (\n\tA int\n\tB int\n)\n")
    assert grouped == names_of("a.go", "package a\ntype A int\ntype B int\n")


def test_an_import_leads_to_all_files_of_the_package_without_its_tests() -> None:
    assert led_to(_IMPORT, "store/a.go", _FILES, _MODULE) == {
        "money/amount.go",
        "money/rate.go",
        "store/b.go",
    }


def test_the_own_package_is_seen_as_a_whole_and_tests_are_seen_by_tests() -> None:
    files = ("a.go", "b.go", "a_test.go", "b_test.go", "x/c.go")
    assert led_to("package p\n", "a.go", files) == {"b.go"}
    assert led_to("package p\n", "a_test.go", files) == {"a.go", "b.go", "b_test.go"}
    assert led_to("package p_test\n", "a_test.go", files) == {"b_test.go"}


def test_the_listing_of_a_package_is_probed_so_that_new_files_are_seen() -> None:
    found = resolved(_IMPORT, "store/a.go", (), _MODULE)
    assert found.links == ()
    assert {"money/*.go", "store/*.go", "go.mod", "store/go.mod", "go.work"} == set(found.probes)
    assert found.consulted == ("go.mod",)


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ('"example.org/shop/money"', "money"),
        ('m "example.org/shop/money"', "m"),
        ('"example.org/shop/money/v2"', "money"),
        ('"example.org/shop/go-money"', "money"),
        ('"gopkg.in/yaml.v3"', "yaml"),
        ('. "example.org/shop/money"', "*"),
        ('_ "example.org/shop/money"', ""),
    ],
)
def test_a_package_is_called_by_its_alias_or_its_last_folder(path: str, local: str) -> None:
    files = ("money/a.go", "money/v2/a.go", "go-money/a.go", "vendor/gopkg.in/yaml.v3/a.go")
    links = resolved(f"package a\nimport {path}\n", "b.go", files, _MODULE).links
    assert [link.local for link in links] == [local]


def test_a_module_file_says_where_others_are() -> None:
    texts = {
        "app/go.mod": (
            "module a.org/app\nreplace (\n\tb.org/lib v1.2.0 => ../lib\n\tc.org/x => d v1\n)\n"
        ),
        "go.work": "go 1.21\nuse (\n\t./app\n\t./tools\n)\n",
        "tools/go.mod": "module a.org/app/tools\n",
    }
    files = ("lib/sub/l.go", "tools/t.go", "app/tools/t.go", "x/x.go", "app/vendor/e.org/f/f.go")
    for path, expected in {
        "b.org/lib/sub": "lib/sub/l.go",
        "a.org/app/tools": "tools/t.go",
        "e.org/f": "app/vendor/e.org/f/f.go",
        "c.org/x": "",
        "sub": "",
    }.items():
        found = led_to(f'package a\nimport "{path}"\n', "app/cmd/m.go", files, texts)
        assert found == ({expected} if expected else set())


def test_without_a_module_file_only_the_own_package_is_known() -> None:
    assert led_to(_IMPORT, "store/a.go", _FILES) == {"store/b.go"}
