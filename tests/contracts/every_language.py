"""A small valid text in every language, and the key of a file that would hold it."""

from engine.languages import Language

SMALL_SAMPLES = {
    "card": '{"data": {"type": "card", "meta": {"adoptsFrom": {"module": "./a", "name": "A"}}}}\n',
    "gjs": "import a from './c'\nexport class E extends a { <template>{{@x}} it's</template> }\n",
    "gts": "import {a} from './a'\nexport class E extends a { @field b = contains(a) }\n"
    "<template>x</template>\n",
    "python": "import a.b as c\n\n\n@d\nclass A(c.B):\n    x: int = 1\n\n    def f(self): ...\n",
    "javascript": "import {a} from './c'\n//d\nexport class E extends a { f() { return `${1}` }}\n",
    "typescript": "import type {A} from './a'\nexport interface B<T> extends A { c?: T }\n",
    "c": '#include "a.h"\n/* b */\nstatic int c(char *d);\nstruct e { int f; } g = { 1 };\n',
    "cpp": "#include <a.hpp>\n// b\ntemplate<class T> class C : D<T> { public: C(); };\n",
    "csharp": "using A.B;\n\n// c\nnamespace D { class E : F { int G { get; } void H() { } } }\n",
    "go": 'package a\n\nimport b "c.d/e"\n\n// F g.\nfunc F(x b.C) error { return nil }\n',
    "go-module": "module a.b/c\n\nreplace d => ../e\n",
    "java": "package a.b;\n\nimport c.D;\n\n/** e */\nclass F extends D { int g() { h(); } }\n",
    "markdown": "# One\n\n[a](b.md)\n\n```py\nx\n```\n\nTwo\n---\n\n- c\n",
    "json": '{"a": [1, {"b": null}], "c": "x"}\n',
    "yaml": "a: &x\n  - b: 1\n# c\nd: *x\n---\ne: |\n  f\n",
    "toml": 'a = 1\n[b.c]\nd = [1, 2]\n[[e]]\nf = "g"\n',
    "openapi-operation": (
        "GET /a\noperationId: b\n  Prose: of it.\nresponse 200\n  c/d: @E\n"
        "uses @E s/E.openapi-schema\n"
    ),
    "openapi-schema": 'schema "a b"?: object\n  c\nfield d?: @E[]\nuses @E s/E.openapi-schema\n',
    "php": "<?php\nnamespace A;\nuse B\\C;\n// d\nclass E extends C { public int $f = 1; }\n",
    "ruby": "require 'a/b'\n\n# c\nclass D < E\n  attr_reader :f\n  def g(h = 1) = h\nend\n",
    "rust": "use crate::a;\n//b\n#[c]\nstruct D<'a> { e: &'a str }\nimpl D<'_> { fn f() {} }\n",
    "text": "One line.\n\nAnother paragraph\nof two lines.\n",
}


def key_of(language: Language) -> str:
    return "folder/name" + min(language.suffixes, default=".json")
