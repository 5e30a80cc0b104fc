"""What is kept of loaded files in arrays is what was put there."""

from hypothesis import given
from hypothesis import strategies as st

from engine.loaded_facts import Facts, LoadedFacts

KEYS = ("a.py", "b.py", "dir/c.py", "ü.py")

hashes = st.sampled_from([b"", b"0" * 16, bytes(range(16)), b"short"])
fingerprints = st.sampled_from(["", "ab" * 16, "AB" * 16, "error:" + "ab" * 16, "no hex", "ab" * 8])
edges = st.lists(st.sampled_from([*KEYS, "elsewhere.py"]), max_size=6).map(tuple)
facts = st.builds(Facts, hashes, edges, fingerprints, st.sampled_from([None, "", "it is broken"]))


@given(st.lists(st.tuples(st.sampled_from([*KEYS, "elsewhere.py"]), facts), max_size=12))
def test_facts_are_what_was_put_last(puts: list[tuple[str, Facts]]) -> None:
    loaded = LoadedFacts({key: row for row, key in enumerate(KEYS)})
    expected: dict[str, Facts] = {}
    for key, each in puts:
        loaded.put(key, each)
        expected[key] = each
    assert {key: loaded.get(key) for key in (*KEYS, "elsewhere.py", "never.py")} == {
        key: expected.get(key) for key in (*KEYS, "elsewhere.py", "never.py")
    }


def test_the_edges_of_a_file_share_the_keys_of_the_snapshot() -> None:
    loaded = LoadedFacts({key: row for row, key in enumerate(KEYS)})
    loaded.put("a.py", Facts(b"0" * 16, ("".join(["dir/", "c.py"]),), "ab" * 16, None))
    found = loaded.get("a.py")
    assert found is not None
    assert found.edges[0] is KEYS[2]
