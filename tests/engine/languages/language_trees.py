"""Trees for tests of resolution: what is read is written out, what is asked is recorded."""

from collections.abc import Iterable, Mapping, Sequence

from engine.languages import Resolution, language_of


class TextTree:
    """Files of which some have a text; to read any other one is an error."""

    def __init__(self, keys: Iterable[str], texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        self._keys = {*keys, *self._texts}

    def __contains__(self, key: object, /) -> bool:
        return key in self._keys

    def files_in(self, folder: str) -> Sequence[str]:
        return sorted(key for key in self._keys if key.rpartition("/")[0] == folder)

    def read(self, key: str) -> str | None:
        assert key in self._texts, f"{key} was read"
        return self._texts[key]


def resolved(
    text: str, key: str, keys: Iterable[str], texts: Mapping[str, str] | None = None
) -> Resolution:
    """What the file `key` with that text refers to among the others."""
    language = language_of(key)
    references = language.analyse(key, text, chunk_chars=1200).references
    return language.resolve(references, key, TextTree(keys, texts))


def led_to(
    text: str, key: str, keys: Iterable[str], texts: Mapping[str, str] | None = None
) -> set[str]:
    """The keys alone."""
    return {link.key for link in resolved(text, key, keys, texts).links}


def names_of(key: str, text: str) -> dict[str, str]:
    """What the file declares: dotted names with their signatures."""
    analysis = language_of(key).analyse(key, text, chunk_chars=1200)
    assert analysis.diagnostics == ()
    return {each.symbol.name: each.symbol.signature for each in analysis.declarations}
