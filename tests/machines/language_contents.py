"""Random contents in the languages that resolve beside Python and JavaScript, few names in each.

What stands in a file is a head, if its language has one, and some lines in any order.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contents:
    """`heads` open a source, `lines` follow; `configurations` are whole files, by their names."""

    keys: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[str, ...]
    configurations: tuple[tuple[str, tuple[str, ...]], ...] = ()


_GO = Contents(
    keys=(
        "go.mod", "go.work", "a.go", "b.go", "a_test.go", "pkg/a.go", "pkg/b.go", "pkg/a_test.go",
        "pkg/sub/a.go", "vendor/other.org/lib/a.go", "lib/go.mod", "lib/a.go",
    ),
    heads=("package a", "package pkg", "package pkg_test", ""),
    lines=(
        'import "example.org/shop/pkg"', 'import p "example.org/shop/pkg/sub"',
        'import . "example.org/shop/pkg"', 'import _ "example.org/lib"', 'import "other.org/lib"',
        'import "./pkg"', 'import "fmt"', "func F() {}", "func F(x int) {}",
        "func F(x int) { pkg.F() }", "type C struct { X int }", "type C struct { X p.C }",
        "func (c C) M() { F(1) }", "const X = 1", "const X = 2", "var Y pkg.C", "// a comment",
    ),
    configurations=(
        ("go.mod", (
            "module example.org/shop\n", "module example.org/lib\n", "module other.org/x\n", "",
            "module example.org/shop\nreplace other.org/lib => ./lib\n",
            "module example.org/shop\nrequire other.org/lib v1.0.0\n",
        )),
        ("go.work", ("use ./lib\n", "use (\n\t.\n\t./lib\n)\n", "")),
    ),
)  # fmt: skip
_RUST = Contents(
    keys=(
        "Cargo.toml", "src/lib.rs", "src/main.rs", "src/a.rs", "src/a/mod.rs", "src/a/b.rs",
        "src/b.rs", "tests/a.rs", "lib/Cargo.toml", "lib/src/lib.rs", "lib/src/a.rs",
    ),
    heads=("",),
    lines=(
        "mod a;", "pub mod b;", '#[path = "b.rs"] mod other;', "use crate::a::f;",
        "use crate::a::b::{self, C as D};", "use super::b::f;", "use self::a::*;",
        "pub use crate::b::f;", "pub use crate::a::*;", "use lib::f;", "use shop::a::C;",
        "use std::fmt;", "extern crate lib;", "pub fn f() {}", "pub fn f(x: u32) {}",
        "pub fn f(x: u32) { crate::b::f(); }", "pub struct C { pub x: u32 }",
        "pub struct C { pub x: crate::b::C }", "impl C { pub fn m(&self) {} }",
        "macro_rules! make { () => {} }", "// a comment", "mod inner { use super::f; }",
    ),
    configurations=(
        ("Cargo.toml", (
            '[package]\nname = "shop"\n', '[package]\nname = "lib"\n', "", "[",
            '[package]\nname = "shop"\n[dependencies]\nlib = { path = "lib" }\n',
            '[package]\nname = "shop"\n[lib]\npath = "src/b.rs"\n',
            '[workspace]\nmembers = ["lib"]\n[workspace.dependencies]\nlib = { path = "lib" }\n',
        )),
    ),
)  # fmt: skip
_C = Contents(
    keys=(
        "a.c", "a.h", "b.h", "src/a.c", "src/a.h", "src/b.h", "include/a.h", "include/lib/b.h",
        "lib/b.h", "src/include/a.h", "src/c.cpp", "src/c.hpp",
    ),
    heads=("", "#pragma once"),
    lines=(
        '#include "a.h"', '#include "b.h"', "#include <a.h>", "#include <lib/b.h>",
        '#include "../a.h"', '#include "lib/b.h"', '#include "c.hpp"', "#include <stdio.h>",
        "#include MACRO", "int f(void);", "int f(int x);", "int f(int x) { return x; }",
        "typedef struct c { int x; } C;", "#define X 1", "#define X 2", "C make(void);",
        "#ifdef X\nint g(C c);\n#endif", "/* a comment */", "static int hidden(void);",
    ),
)  # fmt: skip
_JAVA = Contents(
    keys=(
        "A.java", "B.java", "org/shop/A.java", "org/shop/B.java", "org/shop/sub/A.java",
        "src/main/java/org/shop/A.java", "src/main/java/org/shop/B.java",
        "src/test/java/org/shop/A.java", "src/test/java/org/shop/C.java",
        "src/main/java/org/shop/sub/C.java",
    ),
    heads=("package org.shop;", "package org.shop.sub;", ""),
    lines=(
        "import org.shop.A;", "import org.shop.sub.*;", "import org.shop.*;",
        "import static org.shop.B.f;", "import static org.shop.A.*;", "import java.util.List;",
        "public class A { }", "public class A extends B { }", "class B { int x = 1; }",
        "class B { int x = 2; }", "class B { A f(C c) { return null; } }",
        "class B { private A hidden; }", "interface C { void m(B b); }", "// a comment",
        "class C { void g() { A.f(); B.g(new C()); } }",
    ),
)  # fmt: skip
_PHP = Contents(
    keys=(
        "composer.json", "a.php", "A.php", "src/A.php", "src/B.php", "src/Sub/A.php", "lib/B.php",
        "lib/Sub/C.php", "src/log.php", "lib/composer.json",
    ),
    heads=("<?php\nnamespace Shop;", "<?php\nnamespace Shop\\Sub;", "<?php", ""),
    lines=(
        "use Shop\\A;", "use Shop\\Sub\\{A, C as D};", "use Shop\\B as E;", "use function Shop\\f;",
        "require 'log.php';", "require __DIR__ . '/../a.php';", "include_once 'src/log.php';",
        "class A {}", "class A extends B {}", "class B { public int $x = 1; }",
        "class B { public int $x = 2; }", "class B { public function m(A $a): Sub\\C {} }",
        "interface C {}", "function f() {}", "function f(int $x) { return new A(); }",
        "new \\Shop\\Sub\\A();", "echo B::X;", "// a comment",
    ),
    configurations=(
        ("composer.json", (
            '{"autoload": {"psr-4": {"Shop\\\\": "src/"}}}', "{}", "{", "[]",
            '{"autoload": {"psr-4": {"Shop\\\\": ["lib/", "src"]}}}',
            '{"autoload": {"psr-4": {"Shop\\\\Sub\\\\": "lib", "Shop\\\\": "src"}}}',
        )),
    ),
)  # fmt: skip
_RUBY = Contents(
    keys=(
        "a.rb", "b.rb", "lib/a.rb", "lib/b.rb", "lib/shop/a.rb", "lib/shop/b.rb", "spec/a.rb",
        "app/b.rb", "lib/lib/a.rb", "Rakefile",
    ),
    heads=("",),
    lines=(
        "require 'a'", "require 'shop/a'", "require_relative 'b'", "require_relative '../a'",
        "require './b'", "load 'a.rb'", "autoload :A, 'shop/b'", "require 'json'",
        "require \"shop/#{x}\"", "class A; end", "class A < B; end", "module Shop; end",
        "class B\n  attr_reader :x\nend", "class B\n  def m(x) = 1\nend",
        "class B\n  def m(x) = 2\nend", "def f; A.new; end", "X = 1", "X = 2", "# a comment",
    ),
)  # fmt: skip
_CSHARP = Contents(
    keys=(
        "A.cs", "B.cs", "Store/A.cs", "Store/B.cs", "Store/B.Part.cs", "Money/C.cs",
        "Shop.Money/C.cs", "src/Shop/Store/A.cs", "src/Shop/Money/C.cs", "src/Acme.Text/D.cs",
        "Store/CAttribute.cs",
    ),
    heads=("namespace Shop.Store;", "namespace Shop;", "namespace Acme.Text;", ""),
    lines=(
        "using Shop.Money;", "using Acme.Text;", "using static Shop.Money.C;", "using System;",
        "using E = Acme.Text.D;", "class A { }", "class A : B { }", "class A<T> where T : C { }",
        "class B { public int X = 1; }", "class B { public int X = 2; }",
        "partial class B { public int Y; }", "[C] class B { public A F(C c) { return null; } }",
        "class CAttribute { }", "class C { void G() { A.F(); new D(); } }", "class D { E e; }",
        "class B { private A hidden; }", "interface C { D M(B b); }", "// a comment",
    ),
)  # fmt: skip

CONTENTS = {
    "c": _C,
    "csharp": _CSHARP,
    "go": _GO,
    "java": _JAVA,
    "php": _PHP,
    "ruby": _RUBY,
    "rust": _RUST,
}
_ALIKE = {"cpp": "c", "h": "c", "hpp": "c"}
_BY_KEY = {key: each for each in CONTENTS.values() for key in each.keys}
_BY_SUFFIX = {
    "c": _C,
    "cs": _CSHARP,
    "go": _GO,
    "java": _JAVA,
    "php": _PHP,
    "rb": _RUBY,
    "rs": _RUST,
}


def contents_of(key: str) -> Contents | None:
    """Those of the language that a key is of."""
    suffix = _ALIKE.get(key.rpartition(".")[2], key.rpartition(".")[2])
    return _BY_KEY.get(key) or _BY_SUFFIX.get(suffix)
