"""Numbers for keys, by guess and verification."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from resolver.key_index import Identities, KeyIndex, object_array
from resolver.keys import Key
from resolver.word_table import UNKNOWN


class Colliding(str):
    """All of them have one hash; as keys they differ nevertheless."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7


class Nowhere:
    def __getitem__(self, key: Key) -> int:
        return UNKNOWN


def index_of(ascending: Sequence[str]) -> KeyIndex:
    return KeyIndex(object_array(ascending))


def numbers(index: KeyIndex, keys: Sequence[str]) -> list[int]:
    found: list[int] = index.find_all(keys, unknown=Nowhere()).tolist()
    return found


@given(st.sets(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_by_the_million_and_one_by_one_give_the_same_numbers(
    keys: set[str], asked: list[str]
) -> None:
    index, asked = index_of(sorted(keys)), [*asked, *keys]
    expected = [sorted(keys).index(key) if key in keys else UNKNOWN for key in asked]
    assert numbers(index, asked) == [index.find(key) for key in asked] == expected


@given(st.sets(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_keys_of_one_hash_are_told_apart(keys: set[str], asked: list[str]) -> None:
    index = index_of([Colliding(key) for key in sorted(keys)])
    wanted = [Colliding(key) for key in [*asked, *keys]]
    assert numbers(index, wanted) == [index.find(key) for key in wanted]


def test_many_keys_are_found_in_many_pieces() -> None:
    keys = sorted(f"{i}" for i in range(50_000))
    index = index_of(keys)
    found = index.find_all(keys[::-1], unknown=Nowhere())
    assert np.array_equal(found, np.arange(len(keys))[::-1])


def test_equal_keys_need_not_be_the_same_object() -> None:
    index = index_of(["key/0", "key/1"])
    assert numbers(index, ["".join(["key", "/", "1"])]) == [1]


@given(st.sets(st.text(max_size=3)))
def test_only_the_very_objects_are_found_by_identity(texts: set[str]) -> None:
    keys = object_array([Colliding(text) for text in texts])
    others = object_array([Colliding(text) for text in texts])
    identities = Identities(keys)
    assert identities.find(keys[::-1]).tolist() == list(range(len(keys)))[::-1]
    assert identities.find(others).tolist() == [UNKNOWN] * len(keys)
