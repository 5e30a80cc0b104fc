"""Trees of small Python modules that read each other, and edits of them. Knows no index."""

import random
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Tree:
    """One realm's files. Every edit leaves a number that was nowhere before."""

    root: Path
    chance: random.Random
    files: int
    edits: int = 0
    _names: list[str] = field(default_factory=list)

    def grow(self) -> None:
        self.root.mkdir(parents=True)
        for _ in range(self.files):
            self._add()

    def edit(self) -> str:
        """Change something; returns what kind of change it was."""
        self.edits += 1
        kinds = [self._body, self._signature, self._add, self._rename]
        if len(self._names) > self.files // 2:
            kinds.append(self._delete)
        kind = self.chance.choice(kinds)
        kind()
        return kind.__name__.strip("_")

    def _add(self) -> None:
        name = f"m{len(self._names)}_{self.chance.getrandbits(32):08x}"
        reads = self.chance.sample(self._names, min(3, len(self._names)))
        self._names.append(name)
        imports = "".join(f"from {each} import f\n" for each in reads)
        self._path(name).write_text(f"{imports}\n\ndef f(key):\n    return key + {self.edits}\n")

    def _body(self) -> None:
        path = self._path(self.chance.choice(self._names))
        path.write_text(f"{path.read_text()}\n# edit {self.edits}\n")

    def _signature(self) -> None:
        path = self._path(self.chance.choice(self._names))
        path.write_text(f"{path.read_text()}\n\ndef added_{self.edits}(one, two): ...\n")

    def _rename(self) -> None:
        place = self.chance.randrange(len(self._names))
        old, new = self._names[place], f"r{self.edits}_{self.chance.getrandbits(32):08x}"
        self._path(old).rename(self._path(new))
        self._names[place] = new

    def _delete(self) -> None:
        self._path(self._names.pop(self.chance.randrange(len(self._names)))).unlink()

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.py"
