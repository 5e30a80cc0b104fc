"""Which language a file is read as, and what it costs to ask."""

import subprocess
import sys

import pytest

from engine.languages import LANGUAGES, language_named, language_of, language_versions


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a/b.py", "python"),
        ("a/b.PY", "python"),
        ("b.pyi", "python"),
        ("b.js", "javascript"),
        ("b.d.ts", "typescript"),
        ("b.tsx", "typescript"),
        ("README.md", "markdown"),
        ("package.json", "json"),
        ("tsconfig.json", "json"),
        (".github/workflows/ci.yml", "yaml"),
        ("pyproject.toml", "toml"),
        ("Cargo.lock", "toml"),
        ("go.mod", "go-module"),
        ("x.go", "go"),
        ("x.mod", "text"),
        ("x.rs", "rust"),
        ("x.h", "c"),
        ("x.hpp", "cpp"),
        ("x.java", "java"),
        ("x.cs", "csharp"),
        ("x.php", "php"),
        ("x.rb", "ruby"),
        ("Rakefile", "ruby"),
        ("Makefile", "text"),
        ("Dockerfile", "text"),
        (".gitignore", "text"),
        ("LICENSE", "text"),
        ("py", "text"),
        ("a.py/b", "text"),
        ("x.unheard-of", "text"),
    ],
)
def test_a_language_is_known_by_name_and_suffix(key: str, name: str) -> None:
    assert language_of(key).name == name


def test_every_language_has_a_version_and_answers_to_its_name() -> None:
    assert set(language_versions()) == set(LANGUAGES)
    assert all(language_named(name).name == name for name in LANGUAGES)


def test_no_two_languages_claim_a_suffix() -> None:
    claimed = [suffix for name in LANGUAGES for suffix in language_named(name).suffixes]
    assert len(claimed) == len(set(claimed))


def test_no_grammar_is_loaded_before_something_is_parsed() -> None:
    code = (
        "import sys, engine.languages as l; l.language_named('python'); l.language_named('json');"
        "sys.exit(any(name.startswith('tree_sitter') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
