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


class SyntaxVisitor:
    """Reads the definition of every module that the file refers to. Cards are visited as such."""

    fingerprint = "syntax-2"

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
        self._links = {link.local: link for link in links if link.local and link.name != "*"}
        self._star_keys = [link.key for link in links if link.name == "*"]
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
        head, *rest = dotted.split(".")
        link = self._links.get(head)
        if link is None:
            return await self._look_up_star(dotted)
        path = [part for part in (link.name, *rest) if part]
        return await self._symbol(link.key, path) if path else f"{link.key}#"

    async def _look_up_star(self, dotted: str) -> str | None:
        for key in self._star_keys:
            if use := await self._symbol(key, dotted.split(".")):
                return use
        return None

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
