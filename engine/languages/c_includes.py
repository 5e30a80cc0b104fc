"""Where the includes of C and C++ lead inside a realm. Knows keys, parses no source.

What a build passes as search path is not known. So a quoted name is looked for beside the
file, then both kinds in the folders around it, from the nearest on: in the folder, its
`include` and its `src`. The first hit counts.
"""

from collections.abc import Iterator, Sequence

from engine.languages.language import Link, Reference, Resolution, Tree
from engine.languages.probed_tree import ProbedTree, ancestors, folder_of, joined

_ROOTS = ("include", "", "src")
_MOST_REFERENCES = 2_000
_MOST_FOLDERS = 12
# Headers of C, of C++ and of POSIX, as far as many files name them: never files of a realm.
_SYSTEM = frozenset(
    {"assert", "ctype", "errno", "fcntl", "float", "inttypes", "limits", "locale", "math"}
    | {"pthread", "setjmp", "signal", "stdarg", "stdatomic", "stdbool", "stddef", "stdint"}
    | {"stdio", "stdlib", "string", "strings", "time", "unistd", "wchar"}
)


def resolve_includes(references: Sequence[Reference], key: str, tree: Tree) -> Resolution:
    """The links of a file's includes, with all keys that were looked for.

    A name in angle brackets without a folder that the system has is not looked for.
    """
    probed = ProbedTree(tree)
    links: dict[Link, None] = {}
    for reference in references[:_MOST_REFERENCES]:
        found = next((each for each in _candidates(reference.text, key) if each in probed), None)
        if found is not None and found != key:
            for binding in reference.bindings:
                links[Link(binding.local, found, binding.name, binding.exported)] = None
    return Resolution(tuple(links), tuple(sorted(probed.probes)))


def _candidates(text: str, key: str) -> Iterator[str]:
    quoted, path = text.startswith('"'), text[1:]
    folder = folder_of(key)
    if not path or path.startswith("/") or (not quoted and _is_system(path)):
        return
    if quoted and (beside := joined(folder, path)) is not None:
        yield beside
    for around in ancestors(folder)[-_MOST_FOLDERS:]:
        for root in _ROOTS:
            start = "/".join(part for part in (around, root) if part)
            if (found := joined(start, path)) is not None:
                yield found


def _is_system(path: str) -> bool:
    """Whether it is one of the standard headers; those of C++ have no suffix."""
    return "." not in path or path.removesuffix(".h") in _SYSTEM
