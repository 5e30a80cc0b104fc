"""Which files of a snapshot are new, suspect, failed before or gone."""

from pathlib import Path

import pytest

from engine.discover import Recorded, changed_files, compare, content_hash, stored_stamp
from engine.sources import Folder, Problem, Snapshot, SourceFile, Stamp

SECOND = 1_000_000_000
STAMP = Stamp(10, 5 * SECOND, 5 * SECOND, 7)


def _recorded(**changes: object) -> Recorded:
    return Recorded(b"hash", STAMP, 100 * SECOND, "fingerprint", None, False)._replace(**changes)  # type: ignore[arg-type]


def _snapshot(stamp: Stamp = STAMP) -> Snapshot:
    return Snapshot((SourceFile("a", stamp),), listed_at_ns=200 * SECOND)


def test_an_unchanged_old_file_is_trusted() -> None:
    compared = compare(_snapshot(), {"a": _recorded()})
    assert compared == type(compared)((), (), (), ())


@pytest.mark.parametrize(
    "stamp",
    [
        STAMP._replace(size=11),
        STAMP._replace(mtime_ns=6 * SECOND),
        STAMP._replace(ctime_ns=6 * SECOND),
        STAMP._replace(inode=8),
    ],
)
def test_any_change_of_the_stamp_is_suspect(stamp: Stamp) -> None:
    compared = compare(_snapshot(stamp), {"a": _recorded()})
    assert [file.key for file in compared.suspects] == ["a"]


@pytest.mark.parametrize("listed_at_ns", [4 * SECOND, 5 * SECOND, 5 * SECOND + 1_000_000])
def test_a_stamp_as_young_as_its_record_is_not_trusted(listed_at_ns: int) -> None:
    compared = compare(_snapshot(), {"a": _recorded(listed_at_ns=listed_at_ns)})
    assert [file.key for file in compared.suspects] == ["a"]


def test_new_gone_and_failed_files_are_told_apart() -> None:
    snapshot = Snapshot((SourceFile("a", STAMP), SourceFile("new", STAMP)))
    compared = compare(snapshot, {"a": _recorded(error="broke", retry=True), "gone": _recorded()})
    assert [file.key for file in compared.added] == ["new"]
    assert [file.key for file in compared.failed] == ["a"]
    assert compared.deleted == ("gone",)


def test_a_failure_that_the_content_decides_is_not_tried_again() -> None:
    compared = compare(_snapshot(), {"a": _recorded(error="not UTF-8", retry=False)})
    assert not compared.failed


def test_what_became_a_problem_is_not_gone() -> None:
    snapshot = Snapshot((), (Problem("a", "a symbolic link out of the tree"),))
    assert compare(snapshot, {"a": _recorded()}).deleted == ()


def test_another_recipe_takes_all_files() -> None:
    compared = compare(_snapshot(), {"a": _recorded()}, everything=True)
    assert [file.key for file in compared.failed] == ["a"]


def test_hashing_tells_the_modified_from_the_touched(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("as before")
    (tmp_path / "other").write_text("as behind")
    (tmp_path / "too large").write_bytes(bytes(1001))
    folder = Folder(tmp_path)
    small = _recorded(content_hash=content_hash(b"as before"), stamp=STAMP._replace(size=9))
    large = _recorded(content_hash=b"", stamp=STAMP._replace(size=1002))
    recorded = {"same": small, "other": small, "too large": large}
    modified, touched = changed_files(
        folder, folder.snapshot().files, recorded.__getitem__, max_bytes=1000
    )
    assert [file.key for file in modified] == ["other", "too large"]
    assert [file.key for file in touched] == ["same"]


def test_an_inode_of_64_bits_fits_the_database() -> None:
    assert stored_stamp(STAMP._replace(inode=2**64 - 1)).inode == 2**63 - 1
    assert stored_stamp(STAMP) is STAMP
