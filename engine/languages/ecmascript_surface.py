"""What one module of JavaScript or TypeScript shows to others and takes from them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from engine.languages.ecmascript_declarations import declared_value
from engine.languages.ecmascript_declared import Declared, Scope, text_of, unwrapped
from engine.languages.ecmascript_requires import Required
from engine.languages.language import Binding, Reference

_LONGEST_NAME = 500
_UNPRINTABLE = re.compile(r"[\x00-\x1f]")


@dataclass(slots=True)
class Surface:
    """Filled by one walk over the statements of a file.

    `exports` says where a local name is exported under another one, `shown` is what others
    see although it has no local name, `attached` what is assigned to a local name later.
    """

    locals: list[Declared] = field(default_factory=list)
    shown: list[Declared] = field(default_factory=list)
    exports: dict[tuple[str, str], int] = field(default_factory=dict)
    attached: list[tuple[str, Declared]] = field(default_factory=list)
    references: list[tuple[int, Reference]] = field(default_factory=list)
    aliases: set[str] = field(default_factory=set)
    is_module: bool = False

    def declarations(self) -> list[Declared]:
        """What others can see, under the names by which they see it.

        A file that neither imports nor exports is a script: all it declares is global.
        """
        by_name = self._local_names()
        if not self.is_module:
            found = [each for several in by_name.values() for each in several] + self.shown
            return sorted(found, key=lambda each: each.start)
        bound = {binding.local for _, each in self.references for binding in each.bindings}
        found = list(self.shown)
        for (local, name), at in self.exports.items():
            if local in by_name:
                found.extend(replace(each, name=name) for each in by_name[local])
            elif local not in bound:
                found.append(Declared(name, "alias", at, at, "export"))
        return sorted(found, key=lambda each: each.start)

    def export(self, names: Iterable[tuple[str, str]], at: Node) -> None:
        for pair in names:
            self.exports.setdefault(pair, at.start_byte)

    def all_references(self, required: Iterable[Required]) -> tuple[Reference, ...]:
        """The references in their order; a binding that is exported by name as well says so."""
        found = [*self.references]
        found.extend((each.start, Reference(each.text, each.bindings)) for each in required)
        names: dict[str, list[str]] = {}
        for local, name in self.exports:
            names.setdefault(local, []).append(name)
        return tuple(
            Reference(each.text, tuple(dict.fromkeys(_exported(each.bindings, names))))
            for _, each in sorted(found, key=lambda pair: pair[0])
            if _is_name(each.text)
        )

    def _local_names(self) -> dict[str, list[Declared]]:
        """What each local name stands for, with what was attached to it."""
        attached: dict[str, list[Declared]] = {}
        for owner, member in self.attached:
            attached.setdefault(owner, []).append(member)
        found: dict[str, list[Declared]] = {}
        for each in self.locals:
            # Once a name: an overload does not repeat what is attached to the first.
            members = (*each.members, *attached.pop(each.name, ()))
            found.setdefault(each.name, []).append(replace(each, members=members))
        return found


def export_value(
    name: str, value: Node, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    plain = unwrapped(value)
    if plain is not None and plain.type == "identifier":
        surface.export([(text_of(plain), name)], at)
        return
    each = replace(declared_value(name, plain, scope, at=at), doc=doc)
    surface.shown.append(each)


def _exported(bindings: tuple[Binding, ...], names: Mapping[str, list[str]]) -> Iterator[Binding]:
    for binding in bindings:
        exported = names.get(binding.local, []) if binding.local and not binding.exported else []
        if binding.local not in exported:
            yield binding
        yield from (Binding(binding.name, name, exported=True) for name in exported)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NAME and not _UNPRINTABLE.search(text)
