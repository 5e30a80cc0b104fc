"""The built-in visitor: a file's syntactic chunks, with what each uses of other files."""

from engine.cards import visit_card
from engine.languages import Chunk, Link
from engine.openapi_visit import LANGUAGES as OPENAPI
from engine.openapi_visit import openapi_visit
from engine.visit import DefinitionUnavailable, DraftChunk, File, Visit, VisitContext
from prewarm import Definition, Symbol

# A name is followed through this many re-exporting modules, a chunk lists this many uses.
MAX_REEXPORTS = 16
MAX_USES = 24

# So many modules are looked into for what `*` brings.
MAX_STARS = 256


class SyntaxVisitor:
    """Reads the definition of every module that the file refers to. Cards are visited as such."""

    fingerprint = "syntax-2"

    def foretells(self, language: str) -> bool:
        return language != "card" and language not in OPENAPI

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.language == "card" and (card := await visit_card(file, context)):
            return card
        if file.language in OPENAPI:
            return await openapi_visit(file, context)
        scope = await Scope.of(file.links, context)
        drafts = [
            DraftChunk(
                chunk.text,
                chunk.start_line,
                chunk.end_line,
                chunk.symbol,
                chunk.kind,
                await scope.uses(chunk),
                prepared,
            )
            for chunk, prepared in file.chunks
        ]
        return Visit(tuple(drafts), file.diagnostics)


class Scope:
    """The names that a file's references bring into scope, found in other modules."""

    def __init__(self, context: VisitContext, links: tuple[Link, ...]) -> None:
        self._context = context
        self._links: dict[str, list[Link]] = {}
        for link in links:
            if link.local and link.name != "*":
                self._links.setdefault(link.local, []).insert(0, link)
        self._star_keys = [link.key for link in links if link.name == "*"]
        self._offers: dict[str, list[str]] | None = None
        self._found: dict[str, str | None] = {}

    @classmethod
    async def of(cls, links: tuple[Link, ...], context: VisitContext) -> "Scope":
        for key in dict.fromkeys(link.key for link in links):
            await _definition(context, key)
        return cls(context, links)

    async def uses(self, chunk: Chunk) -> tuple[str, ...]:
        """What the chunk uses, sorted, at most `MAX_USES`."""
        found = {use for name in chunk.names if (use := await self._use(name))}
        return tuple(sorted(found)[:MAX_USES])

    async def _use(self, dotted: str) -> str | None:
        if dotted not in self._found:
            self._found[dotted] = await self._look_up(dotted)
        return self._found[dotted]

    async def _look_up(self, dotted: str) -> str | None:
        """The last binding of a name counts; a package of many files binds it to each of them."""
        head, *rest = dotted.split(".")
        if head not in self._links:
            return await self._look_up_star(head, dotted)
        for link in self._links[head]:
            path = [part for part in (link.name, *rest) if part]
            if not path:
                return f"{link.key}#"
            if use := await self._symbol(link.key, path):
                return use
        return None

    async def _look_up_star(self, head: str, dotted: str) -> str | None:
        if self._offers is None:
            self._offers = await self._offered_by_stars()
        for key in self._offers.get(head, ()):
            if use := await self._symbol(key, dotted.split(".")):
                return use
        return None

    async def _offered_by_stars(self) -> dict[str, list[str]]:
        """The first parts of names, each with the modules that offer it to the `*` bindings.

        Most names of a file are its own: one look here spares them one in every module.
        """
        offers: dict[str, list[str]] = {}
        todo = list(reversed(self._star_keys))
        seen: set[str] = set()
        while todo and len(seen) < MAX_STARS:
            key = todo.pop()
            definition = None if key in seen else await _definition(self._context, key)
            seen.add(key)
            if definition is None:
                continue
            named = [each.name for each in definition.reexports if each.name != "*"]
            symbols = (each.name.partition(".")[0] for each in definition.symbols)
            for head in dict.fromkeys((*symbols, *named)):
                offers.setdefault(head, []).append(key)
            todo.extend(each.key for each in reversed(definition.reexports) if each.name == "*")
        return offers

    async def _symbol(self, key: str, path: list[str]) -> str | None:
        """The longest prefix of `path` that the module offers, followed through re-exports."""
        leads = {(key, tuple(path)): None}
        for _ in range(MAX_REEXPORTS):
            if not leads:
                return None
            (key, names), _ = next(iter(leads.items()))
            del leads[key, names]
            if not names:
                return f"{key}#"
            definition = await _definition(self._context, key)
            if definition is None:
                continue
            if symbol := _longest(definition, names):
                return f"{key}#{symbol.name} {symbol.signature}"
            leads.update(dict.fromkeys(_passed_on(definition, names)))
        return None


async def _definition(context: VisitContext, key: str) -> Definition | None:
    try:
        return await context.definition(key)
    except DefinitionUnavailable:
        return None


def _longest(definition: Definition, names: tuple[str, ...]) -> Symbol | None:
    for length in range(len(names), 0, -1):
        if symbol := definition.find(".".join(names[:length])):
            return symbol
    return None


def _passed_on(definition: Definition, names: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Where a re-exporting module may have the name from: modules, each with the path there."""
    head, *rest = names
    named = [passed for passed in definition.reexports if passed.name == head != "*"]
    if not named:
        return [(passed.key, names) for passed in definition.reexports if passed.name == "*"]
    return [
        (passed.key, (passed.source_name, *rest) if passed.source_name != "" else tuple(rest))
        for passed in named
    ]
