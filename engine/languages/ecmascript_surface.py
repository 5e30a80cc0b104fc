"""What one module of JavaScript or TypeScript shows to others and takes from them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tree_sitter import Node

from engine.languages.ecmascript_declared import (
    CLASSES,
    FUNCTIONS,
    Declared,
    Scope,
    declared,
    declared_value,
    documented,
    name_of,
    object_members,
    text_of,
    unwrapped,
)
from engine.languages.ecmascript_requires import Required
from engine.languages.ecmascript_statements import export_list, imported, passed_on, source_of
from engine.languages.language import Binding, Reference

_WHOLE = frozenset({"module.exports", "exports"})
_MEMBER = re.compile(r"(?:module\.)?(exports|[\w$]+?)(\.prototype)?\.([\w$]+)")
_BLOCKS = frozenset({"if_statement", "else_clause", "statement_block", "try_statement"})
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


def read_surface(root: Node, scope: Scope, *, required: list[Required]) -> Surface:
    """Walk the statements of a file; what stands in functions is nobody else's."""
    surface = Surface(is_module=any(each.is_node for each in required))
    waiting = [documented(root.children)]
    while waiting:
        node, doc = next(waiting[-1], (None, ""))
        if node is None:
            waiting.pop()
        elif node.type in _BLOCKS:
            waiting.append(documented(node.named_children))
        else:
            _read(node, doc, scope, surface)
    return surface


def _read(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    match node.type:
        case "import_statement":
            surface.is_module = True
            _refer(node, imported(node), surface)
        case "export_statement":
            surface.is_module = True
            _read_export(node, doc, scope, surface)
        case "expression_statement":
            _read_expression(node, doc, scope, surface)
        case _:
            _read_alias_of_exports(node, scope, surface)
            _declare(node, doc, scope, surface)


def _refer(node: Node, bindings: Iterator[Binding], surface: Surface) -> None:
    text = source_of(node)
    if text is not None:
        surface.references.append((node.start_byte, Reference(text, tuple(bindings))))


def _declare(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    for each in declared(node, scope):
        # What is added to another module or to all of them is seen whatever is exported.
        ambient = node.type == "ambient_declaration" and each.kind in {"module", "global"}
        (surface.shown if ambient else surface.locals).append(_placed(each, doc, node))
    body = node.named_child(node.named_child_count - 1) if node.named_child_count else None
    if node.type == "ambient_declaration" and body is not None:
        _read_ambient_imports(body, surface)


def _read_ambient_imports(node: Node, surface: Surface) -> None:
    body = node.child_by_field_name("body") or node
    for child in body.children if body.type == "statement_block" else ():
        if child.type == "import_statement":
            _refer(child, imported(child), surface)
        elif child.type == "export_statement":
            _refer(child, passed_on(child), surface)


def _placed(each: Declared, doc: str, statement: Node) -> Declared:
    """The first line is the statement's, `export` and decorators included."""
    return replace(each, doc=each.doc or doc, start=min(each.start, statement.start_byte))


def _read_export(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    declaration, value = node.child_by_field_name("declaration"), _exported_value(node)
    words = {child.type for child in node.children if not child.is_named}
    if node.child_by_field_name("source") is not None:
        _refer(node, passed_on(node), surface)
    elif declaration is not None and "default" in words:
        for each in declared(declaration, scope):
            _show(_placed(each, doc, node), "default", surface)
    elif declaration is not None:
        for each in declared(declaration, scope):
            _show(_placed(each, doc, node), each.name, surface)
    elif value is not None:
        _export_value("default", value, doc, scope, surface, at=node)
    elif "namespace" not in words:
        surface.export(export_list(node), node)


def _show(each: Declared, name: str, surface: Surface) -> None:
    """Export what is declared on the spot; it keeps its local name for what is attached to it."""
    surface.locals.append(each)
    surface.exports.setdefault((each.name, name), each.start)


def _exported_value(node: Node) -> Node | None:
    """The expression of `export default x` and `export = x`."""
    value = node.child_by_field_name("value")
    if value is None and any(child.type == "=" for child in node.children):
        value = node.named_child(node.named_child_count - 1)
    return value


def _export_value(
    name: str, value: Node, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    plain = unwrapped(value)
    if plain is not None and plain.type == "identifier":
        surface.export([(text_of(plain), name)], at)
        return
    each = replace(declared_value(name, plain, scope, at=at), doc=doc)
    surface.shown.append(each)


def _read_expression(node: Node, doc: str, scope: Scope, surface: Surface) -> None:
    inner = node.named_child(0) if node.named_child_count else None
    if inner is None:
        return
    if inner.type == "assignment_expression":
        targets, value = _chain(inner)
        _assign(targets, value, doc, scope, surface, at=node)
    elif inner.type == "call_expression":
        _read_defined_property(inner, doc, surface)
    else:
        _declare(node, doc, scope, surface)


def _chain(assignment: Node) -> tuple[list[str], Node | None]:
    """The targets of `a = b = value`, and the value."""
    targets, value = [], assignment
    while value.type == "assignment_expression":
        targets.append("".join(text_of(value.child_by_field_name("left"))[:_LONGEST_NAME].split()))
        following = value.child_by_field_name("right")
        if following is None:
            return targets, None
        value = following
    return targets, value


def _read_alias_of_exports(node: Node, scope: Scope, surface: Surface) -> None:
    """`var app = exports = module.exports = {...}` makes `app` another name of the exports."""
    if node.type not in {"variable_declaration", "lexical_declaration"}:
        return
    for declarator in node.named_children:
        value = declarator.child_by_field_name("value")
        if value is None or value.type not in {"assignment_expression", "member_expression"}:
            continue
        targets, last = _chain(value)
        if _WHOLE.intersection(targets) or text_of(last) in _WHOLE:
            surface.aliases.add(text_of(declarator.child_by_field_name("name")))
            _assign(targets, last, "", scope, surface, at=node)


def _assign(
    targets: list[str], value: Node | None, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    """CommonJS exports, and methods that are put on a prototype."""
    if _WHOLE.intersection(targets):
        surface.is_module = True
        _assign_whole(value, doc, scope, surface, at=at)
    for target in targets:
        match = _MEMBER.fullmatch(target)
        if match is None or target in _WHOLE or value is None:
            continue
        owner, name = match[1], match[3]
        if owner == "exports" or owner in surface.aliases:
            surface.is_module = True
            _assign_named(name, value, doc, scope, surface, at=at)
        else:
            each = replace(declared_value(name, value, scope, at=at), doc=doc)
            surface.attached.append((owner, each))


def _assign_named(
    name: str, value: Node, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    # Compilers write `exports.x = void 0` before anything else; the value comes later.
    if value.type != "unary_expression" and not _requires(value):
        _export_value(name, value, doc, scope, surface, at=at)


def _requires(value: Node) -> bool:
    return value.type in {"call_expression", "member_expression"} and text_of(value).startswith(
        "require("
    )


def _assign_whole(
    value: Node | None, doc: str, scope: Scope, surface: Surface, *, at: Node
) -> None:
    value = unwrapped(value)
    if value is None:
        return
    if value.type == "object":
        surface.export(_named_by_value(value), value)
        passed = {name for _, name in surface.exports}
        members = (each for each in object_members(value, scope) if each.name not in passed)
        surface.shown.extend(members)
    elif value.type in FUNCTIONS | CLASSES | {"identifier"}:
        _export_value("default", value, doc, scope, surface, at=at)
    elif not _requires(value) and text_of(value) not in _WHOLE:
        surface.shown.append(Declared("default", "constant", at.start_byte, at.end_byte, "const"))


def _named_by_value(node: Node) -> Iterator[tuple[str, str]]:
    """The local and the exported name of `{a, b: c}`."""
    for member in node.named_children:
        value = member.child_by_field_name("value") if member.type == "pair" else member
        if value is not None and value.type in {"identifier", "shorthand_property_identifier"}:
            yield text_of(value), name_of(member.child_by_field_name("key") or member)


def _read_defined_property(call: Node, doc: str, surface: Surface) -> None:
    """`Object.defineProperty(exports, "x", ...)`, as compilers write a getter."""
    arguments = call.child_by_field_name("arguments")
    if text_of(call.child_by_field_name("function")) != "Object.defineProperty" or not arguments:
        return
    first = arguments.named_children[:2]
    if len(first) == 2 and text_of(first[0]) in _WHOLE and first[1].type == "string":
        surface.is_module = True
        name = name_of(first[1])
        if name != "__esModule":
            start, end = call.start_byte, call.end_byte
            surface.shown.append(Declared(name, "constant", start, end, "const", doc=doc))


def _exported(bindings: tuple[Binding, ...], names: Mapping[str, list[str]]) -> Iterator[Binding]:
    for binding in bindings:
        exported = names.get(binding.local, []) if binding.local and not binding.exported else []
        if binding.local not in exported:
            yield binding
        yield from (Binding(binding.name, name, exported=True) for name in exported)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NAME and not _UNPRINTABLE.search(text)
