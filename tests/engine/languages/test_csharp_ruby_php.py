"""What C#, Ruby and PHP declare, and where Ruby and PHP lead."""

import pytest
from language_trees import led_to, names_of, resolved

_COMPOSER = {
    "composer.json": (
        '{"autoload": {"psr-4": {"Shop\\\\": "src/", "Shop\\\\Deep\\\\": ["deep/"]}},'
        ' "autoload-dev": {"psr-4": {"Test\\\\": "tests/"}}}'
    )
}
_PHP = (
    *("src/Store/Order.php", "src/Store/Item.php", "src/Money/Amount.php", "deep/X.php"),
    *("tests/Case.php", "lib/x.php", "src/x.php", "src/Deep/Y.php"),
)
_RUBY = ("lib/shop.rb", "lib/shop/item.rb", "spec/spec_helper.rb", "gem/lib/gem/a.rb", "x.rb")


def test_csharp_types_have_what_others_can_use() -> None:
    names = names_of(
        "a.cs",
        """
namespace X.Y {
[Attr] public class C<T> : D where T : F {
  private int x = 1; public int y, z = 2;
  public int P { get { return 1; } private set; } public int Q => 1;
  public C(int a) : base(a) {}
  public void M<K>(int a = 1) { }
  event Action E; delegate void H(int a);
  public static C operator +(C a, C b) => a;
  public int this[int i] => 1;
  class N { public void Inner() {} }
}
enum K { A, B = 2 }
record R(int A);
}
""",
    )
    assert names["C"] == "[Attr] public class C<T>: D where T: F"
    assert names["C.P"] == "public int P { get private set }"
    assert names["C.M"] == "public void M<K>(int a = 1)"
    assert names["C.z"] == "public int y, z"
    assert names.keys() == {
        *("C", "C.y", "C.z", "C.P", "C.Q", "C.C", "C.M", "C.E", "C.H", "C.operator +", "C.this"),
        *("C.N", "C.N.Inner", "K", "K.A", "K.B", "R"),
    }


def test_a_namespace_of_the_whole_file_declares_the_same() -> None:
    assert names_of("a.cs", "namespace X;\nclass A {}\n") == names_of(
        "a.cs", "namespace X { class A {} }"
    )


def test_ruby_methods_belong_to_their_classes() -> None:
    names = names_of(
        "a.rb",
        """
module M
  # About C.
  class C < D::E
    include F
    attr_accessor :x, :y
    X = 1
    def m(a, b = 1, *c, k: 2, &d)
      1
    end
    def self.s; end
    def ok? = true
    class << self
      def t; end
    end
  end
  class A::B; end
end
""",
    )
    assert names["M.C"] == "class C<D::E"
    assert names["M.C.m"] == "def m(a, b = 1, *c, k: 2, &d)"
    assert names.keys() == {
        *("M", "M.C", "M.C.x", "M.C.y", "M.C.X", "M.C.m", "M.C.s", "M.C.ok?", "M.C.t", "M.A.B"),
    }


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("require_relative 'item'", "lib/shop/a.rb", {"lib/shop/item.rb"}),
        ('require_relative("../shop.rb")', "lib/shop/a.rb", {"lib/shop.rb"}),
        ("require 'shop/item'", "bin/a.rb", {"lib/shop/item.rb"}),
        ("require 'spec_helper'", "spec/deep/a_spec.rb", {"spec/spec_helper.rb"}),
        ("require 'gem/a'", "gem/test/a.rb", {"gem/lib/gem/a.rb"}),
        ("autoload :Item, 'shop/item'", "lib/shop.rb", {"lib/shop/item.rb"}),
        ("load './x.rb'", "lib/a.rb", {"x.rb"}),
        ("require 'json'\n# require 'shop'\n", "a.rb", set()),
        ('require "shop/#{x}"', "a.rb", set()),
        ("require 'gem/a'", "a.rb", set()),
    ],
)
def test_a_require_leads_below_the_roots(text: str, key: str, expected: set[str]) -> None:
    assert led_to(text, key, _RUBY) == expected


def test_php_classes_have_what_others_can_use() -> None:
    names = names_of(
        "a.php",
        """<?php
namespace A\\B;
#[Attr]
abstract class K extends D implements L, M {
  use T; const X = 1, Y = 2; public int $p = 1; private ?D $q;
  public function __construct(private int $r = 1) {}
  abstract function m(int ...$a): ?string;
  static function n() { new Foo(); }
}
interface N { function f(); }
enum S: string { case A = 'a'; }
if (!function_exists('g')) { function g(int $a) { } }
const Z = 1;
""",
    )
    assert names["K"] == "#[Attr] abstract class K extends D implements L, M"
    assert names["K.m"] == "abstract function m(int... $a):? string"
    assert names.keys() == {
        *("K", "K.X", "K.Y", "K.p", "K.__construct", "K.m", "K.n", "N", "N.f", "S", "S.A", "g", "Z")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use Shop\\Money\\Amount;", {"src/Money/Amount.php"}),
        ("use Shop\\{Money\\Amount as A, Deep\\X};", {"src/Money/Amount.php", "deep/X.php"}),
        ("use Shop\\Deep\\Y;", {"src/Deep/Y.php"}),
        ("use Test\\Case;", {"tests/Case.php"}),
        ("class A extends Item {}", {"src/Store/Item.php"}),
        ("new \\Shop\\Money\\Amount(1);", {"src/Money/Amount.php"}),
        ("use Other\\Item; new Item();", set()),
        ("use function Shop\\Money\\Amount;", set()),
        ("require __DIR__ . '/../x.php';", {"src/x.php"}),
        ("require_once(dirname(__DIR__) . '/x.php');", {"src/x.php"}),
        ("include 'lib/x.php';", {"lib/x.php"}),
        ("include $x . 'lib/x.php';", set()),
    ],
)
def test_php_finds_classes_by_composer_and_files_by_literals(text: str, expected: set[str]) -> None:
    source = f"<?php\nnamespace Shop\\Store;\n{text}\n"
    assert led_to(source, "src/Store/Order.php", _PHP, _COMPOSER) == expected


def test_without_composer_the_classes_of_a_namespace_stand_side_by_side() -> None:
    found = resolved("<?php\nnamespace Any;\nnew Item();\n", "src/Store/A.php", _PHP)
    assert {link.key for link in found.links} == {"src/Store/Item.php"}
