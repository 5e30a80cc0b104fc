"""Stamps come out as they went in, whatever numbers a source makes them of."""

from hypothesis import given
from hypothesis import strategies as st

from engine.packed_stamps import PackedStamps
from engine.sources import SourceFile, Stamp

numbers = st.one_of(st.integers(), st.sampled_from([-1, 0, 2**63 - 1, 2**63, 2**64 - 1, 2**64]))


@given(st.dictionaries(st.text(), st.builds(Stamp, numbers, numbers, numbers, numbers)))
def test_packed_stamps_are_the_stamps(stamps: dict[str, Stamp]) -> None:
    packed = PackedStamps(SourceFile(key, stamp) for key, stamp in stamps.items())
    assert dict(packed) == stamps
    assert (list(packed), len(packed)) == (list(stamps), len(stamps))
    assert packed.keys() == stamps.keys()
    assert all(key in packed for key in stamps)
