"""Which language a file is written in. Loads a language when the first file of it comes."""

from functools import cache
from importlib import import_module
from typing import cast

from engine.languages.language import Language

# Name -> where its object stands, and the suffixes that it claims.
_PLACES: dict[str, tuple[str, str]] = {
    "c": ("engine.languages.c_family", "C"),
    "card": ("engine.languages.card", "CARD"),
    "cpp": ("engine.languages.c_family", "CPP"),
    "csharp": ("engine.languages.csharp", "CSHARP"),
    "gjs": ("engine.languages.javascript", "GJS"),
    "go": ("engine.languages.go", "GO"),
    "go-module": ("engine.languages.go_modules", "GO_MODULE"),
    "gts": ("engine.languages.javascript", "GTS"),
    "java": ("engine.languages.java", "JAVA"),
    "javascript": ("engine.languages.javascript", "JAVASCRIPT"),
    "json": ("engine.languages.data_documents", "JSON"),
    "markdown": ("engine.languages.markdown", "MARKDOWN"),
    "openapi-operation": ("engine.languages.openapi", "OPERATION"),
    "openapi-schema": ("engine.languages.openapi", "SCHEMA"),
    "php": ("engine.languages.php", "PHP"),
    "python": ("engine.languages.python", "PYTHON"),
    "ruby": ("engine.languages.ruby", "RUBY"),
    "rust": ("engine.languages.rust", "RUST"),
    "text": ("engine.languages.text", "TEXT"),
    "toml": ("engine.languages.data_documents", "TOML"),
    "typescript": ("engine.languages.javascript", "TYPESCRIPT"),
    "yaml": ("engine.languages.data_documents", "YAML"),
}
LANGUAGES = tuple(_PLACES)

_BY_FILE_NAME = {
    "Pipfile": "toml",
    "poetry.lock": "toml",
    "uv.lock": "toml",
    "Cargo.lock": "toml",
    "Gemfile": "ruby",
    "Rakefile": "ruby",
    "composer.lock": "json",
    "go.mod": "go-module",
    "go.work": "go-module",
    ".babelrc": "json",
    ".eslintrc": "json",
    ".prettierrc": "json",
    ".clang-format": "yaml",
    ".clang-tidy": "yaml",
}


def language_of(key: str) -> Language:
    """The language of a file by its name, then by its suffix; plain text for all others."""
    name = key.rpartition("/")[2]
    return language_named(_BY_FILE_NAME.get(name) or _by_suffix().get(_suffix(name), "text"))


@cache
def language_named(name: str) -> Language:
    """The language of that name, one of `LANGUAGES`."""
    module, attribute = _PLACES[name]
    return cast(Language, getattr(import_module(module), attribute))


def language_versions() -> dict[str, int]:
    """The version of every language: part of the recipe that an entry is made by."""
    return {name: language_named(name).version for name in LANGUAGES}


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2].lower() if "." in name else ""


@cache
def _by_suffix() -> dict[str, str]:
    return {suffix: name for name in LANGUAGES for suffix in language_named(name).suffixes}
