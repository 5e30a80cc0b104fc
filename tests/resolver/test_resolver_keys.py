"""What a reference means, and where it is looked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import SOURCE_SUFFIXES, canonical_key, probes
from resolver.keys import is_plain, probes_until_hit

REFERENCES = st.text(alphabet="ab./?#\u00e9\u0301e:\ud800 \n", max_size=12)
FOLDERS = st.sampled_from(["", "a", "a/b", "https://x.org", "https://x.org/a"])

MEANINGS = [
    # reference, folder of the file that names it, key
    ("a", "", "a"),
    ("./a", "", "a"),
    ("a?x#y", "", "a"),
    ("a#y?x", "", "a"),
    ("./person", "cards", "cards/person"),
    ("../person", "cards/old", "cards/person"),
    ("./../../a", "b/c", "a"),
    ("cards/person", "elsewhere", "cards/person"),
    ("a/./b/../c", "elsewhere", "a/c"),
    ("a//b/", "", "a/b"),
    (".", "cards", "cards"),
    ("..", "cards/old", "cards"),
    ("./.hidden", "", ".hidden"),
    ("...", "", "..."),
    ("e\u0301", "", "\u00e9"),
    ("\ud800?x", "", "\ud800"),
    ("a\n", "", "a\n"),
    ("https://x.org/a//b?b=1#c", "", "https://x.org/a//b"),
    ("./b", "https://x.org/a", "https://x.org/a/b"),
    ("../b", "https://x.org/a", "https://x.org/b"),
]


@pytest.mark.parametrize(("reference", "folder", "key"), MEANINGS)
def test_a_reference_means_one_key(reference: str, folder: str, key: str) -> None:
    assert canonical_key(reference, base=folder) == key


@pytest.mark.parametrize(
    ("reference", "folder"),
    [
        ("", ""),
        ("#/components/schemas/Pet", ""),
        ("?x", "a"),
        ("/etc/passwd", "a"),
        ("../a", ""),
        ("../../a", "b"),
        ("a/../../b", "c/d"),
        ("./", ""),
        ("../../a", "https://x.org/b"),
    ],
)
def test_what_is_empty_absolute_or_outside_means_nothing(reference: str, folder: str) -> None:
    assert canonical_key(reference, base=folder) is None
    assert probes(reference, base=folder) == (reference,)


@given(REFERENCES, FOLDERS)
def test_a_canonical_key_means_itself(reference: str, folder: str) -> None:
    key = canonical_key(reference, base=folder)
    assert key is None or canonical_key(key) == key


def test_a_relative_reference_gains_a_suffix_or_an_index_in_a_fixed_order() -> None:
    tried = probes("./person", base="cards")
    assert tried[:3] == ("./person", "cards/person", "cards/person.gts")
    assert tried[2 : 2 + len(SOURCE_SUFFIXES)] == tuple(
        "cards/person" + suffix for suffix in SOURCE_SUFFIXES
    )
    assert tried[-1] == "cards/person/index.json"


def test_a_bare_name_never_gains_a_suffix() -> None:
    assert probes("person", base="cards") == ("person",)
    assert probes("person?x", base="cards") == ("person?x", "person")


@given(REFERENCES, FOLDERS)
def test_a_plain_name_is_looked_for_in_one_place_wherever_it_stands(
    reference: str, folder: str
) -> None:
    if is_plain(reference):
        assert probes(reference, base=folder) == (reference,)
    elif len(probes(reference, base=folder)) == 1:
        assert canonical_key(reference, base=folder) is None


@given(REFERENCES, FOLDERS, st.data())
def test_the_probes_that_decide_end_with_the_first_hit(
    reference: str, folder: str, data: st.DataObject
) -> None:
    tried = probes(reference, base=folder)
    present = data.draw(st.sets(st.sampled_from(tried)))
    decisive = probes_until_hit(reference, present, base=folder)
    assert decisive == tried[: len(decisive)]
    assert not present & set(decisive[:-1])
    assert decisive[-1] in present or decisive == tried
