"""A realm of cards on disk: a folder that heeds .boxelignore too. Reads no card."""

from collections.abc import Mapping

from engine.sources.errors import FileGone, FileTooLarge, Unreadable
from engine.sources.folder import Folder
from engine.sources.ignore import IgnoreRules, as_bytes_text
from engine.sources.listing import Listing
from engine.sources.openat import read_beneath
from engine.sources.walk import MAX_IGNORE_BYTES

IGNORE_FILE = ".boxelignore"


class CardRealm(Folder):
    """The cards and modules beneath a path.

    What a .gitignore file or a .boxelignore file names is not in it; the latter hold as the
    former do, each for its folder, and speak after them: neither brings back what the other
    leaves out.
    """

    def describe(self) -> dict[str, str]:
        return {**super().describe(), "kind": "cards"}

    @classmethod
    def from_description(cls, description: Mapping[str, str]) -> "CardRealm":
        return cls(
            description["path"],
            include=description.get("include", "").splitlines(),
            exclude=description.get("exclude", "").splitlines(),
        )

    def _list(self, exclude: IgnoreRules | None) -> tuple[Listing, str]:
        listing, revision = super()._list(exclude)
        rules = {
            path.rpartition("/")[0]: read
            for path, _ in listing.files
            if path.rpartition("/")[2] == IGNORE_FILE
            and (read := _rules_at(self.path, path)) is not None
        }
        return (_Ignored(rules).kept(listing) if rules else listing), revision


def _rules_at(root: str, path: str) -> IgnoreRules | None:
    try:
        return IgnoreRules.parse(read_beneath(root, path, max_bytes=MAX_IGNORE_BYTES))
    except (FileGone, FileTooLarge, Unreadable):
        return None


class _Ignored:
    """Which paths the rules, each by the folder it is for, leave out."""

    def __init__(self, rules: Mapping[str, IgnoreRules]) -> None:
        self._rules = rules
        self._folders = {"": False}

    def kept(self, listing: Listing) -> Listing:
        files = [file for file in listing.files if not self._covers(file[0])]
        problems = {k: why for k, why in listing.problems.items() if not self._covers(k)}
        return Listing(listing.root, files, problems)

    def _covers(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return self._covers_folder(folder) or self._says(path, is_folder=False)

    def _covers_folder(self, folder: str) -> bool:
        """Whether the folder or one around it is left out; each is asked about once."""
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        covered = self._folders[folder]
        for inner in reversed(unknown):
            covered = covered or self._says(inner, is_folder=True)
            self._folders[inner] = covered
        return covered

    def _says(self, path: str, *, is_folder: bool) -> bool:
        """The innermost rules that speak of a path decide."""
        base, name = path.rpartition("/")[0], as_bytes_text(path.rpartition("/")[2])
        while True:
            if rules := self._rules.get(base):
                below = as_bytes_text(path[len(base) + 1 if base else 0 :])
                verdict = rules.verdict(below, name, is_folder=is_folder)
                if verdict is not None:
                    return verdict
            if not base:
                return False
            base = base.rpartition("/")[0]
