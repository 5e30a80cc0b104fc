"""What a realm of cards is to those who search it, from change to change."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from card_files import EMPLOYEE, PERSON, card, module
from live_trees import OpenEngine, write_tree

from engine import (
    BadFilter,
    CardEntry,
    CardRealm,
    DefinitionUnavailable,
    Engine,
    Entry,
    File,
    FileBroken,
    Folder,
    PassReport,
    Visit,
    VisitContext,
)
from engine.syntax_visitor import SyntaxVisitor

PEOPLE = {
    "person.gts": PERSON,
    "employee.gts": EMPLOYEE,
    "Person/hassan.json": card(
        "../person", "Person", {"firstName": "Hassan", "age": "31", "tags": ["a", "b"]},
        friends_0="./mango", friends_1="../Employee/jade",
    ),
    "Person/mango.json": card("../person", "Person", {"firstName": "Mango", "age": 7}),
    "Employee/jade.json": card("../employee", "Employee", {"firstName": "Jade", "badge": "x1"}),
}  # fmt: skip


class Cards:
    """One realm of cards and the engine that indexes it."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine = engine
        self.root = root

    async def index(self, files: Mapping[str, str | None] | None = None) -> PassReport:
        write_tree(self.root, files or {})
        await self.engine.add_realm("cards", CardRealm(self.root))
        return await (await self.engine.index("cards")).finished()

    async def entry(self, key: str) -> Entry:
        return await self.engine.entry("cards", key)

    async def error(self, key: str) -> str:
        return (await self.entry(key)).error or ""

    async def card(self, key: str) -> CardEntry:
        found = await self.engine.cards("cards")
        return next(each for each in found if each.key == key)

    async def found(
        self, type_name: str | None, where: dict[str, object] | None = None
    ) -> set[str]:
        cards = await self.engine.cards("cards", type=type_name, where=where)  # type: ignore[arg-type]
        return {each.title or str(each.attributes.get("firstName")) for each in cards}


OpenCards = Callable[[], AbstractAsyncContextManager[Cards]]


@pytest.fixture
def open_cards(open_engine: OpenEngine, tmp_path: Path) -> OpenCards:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Cards]:
        async with open_engine() as engine:
            yield Cards(engine, tmp_path)

    return opened


async def test_a_card_is_typed_by_the_fields_of_its_chain_and_shows_what_it_links_to(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        report = await cards.index(PEOPLE)
        assert (report.errors, report.visited) == (0, 5)
        hassan = await cards.card("Person/hassan.json")
        assert hassan.types == ("Person", "CardDef")
        assert hassan.attributes == {"firstName": "Hassan", "age": 31, "tags": ["a", "b"]}
        assert [each["key"] for each in hassan.links["friends"]] == [
            "Person/mango.json",
            "Employee/jade.json",
        ]
        jade = await cards.card("Employee/jade.json")
        assert jade.classes[:2] == ("employee.gts#Employee", "person.gts#Person")
        hits = await cards.engine.search("The Employee Jade", realm="cards", type="Person")
        assert hits[0].path == "Employee/jade.json"
        assert "The Person" in hits[0].text


async def test_cards_are_planned_behind_the_module_that_they_name_without_extension(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        files = {f"{name}.json": card("./person", "Person") for name in ("a", "b", "c")}
        report = await cards.index({**files, "person.gts": PERSON})
        assert (report.max_layer_width, report.topo_depth) == (3, 2)


@pytest.mark.parametrize("suffix", [".gts", ".ts", ".gjs", ".js"])
async def test_a_module_is_found_whatever_its_suffix(open_cards: OpenCards, suffix: str) -> None:
    async with open_cards() as cards:
        text = (
            "import {CardDef} from 'https://x.org/card-api';\nexport class A extends CardDef {}\n"
        )
        await cards.index({f"a{suffix}": text, "one.json": card("./a", "A")})
        assert (await cards.card("one.json")).types == ("A", "CardDef")


async def test_a_module_that_is_missing_and_comes_later_heals_all_that_wait_for_it(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index({key: text for key, text in PEOPLE.items() if key != "person.gts"})
        assert "which no file provides" in await cards.error("Person/mango.json")
        assert await cards.error("Employee/jade.json") == (
            "CardBroken: Employee (employee.gts): employee.gts takes Person from ./person, "
            "which no file provides"
        )
        assert (await cards.index({"person.gts": PERSON})).errors == 0
        assert await cards.found("Person") == {"Hassan", "Mango", "Jade"}


async def test_a_module_that_goes_or_breaks_takes_its_cards_along_and_brings_them_back(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        assert (await cards.index({"person.gts": None})).errors == 3
        assert (await cards.index({"person.gts": PERSON})).errors == 0
        await cards.index({"person.gts": PERSON.replace("= contains(StringField);", "= ((;", 1)})
        assert "Employee (employee.gts) < Person (person.gts): person.gts has a syntax error" in (
            await cards.error("Employee/jade.json")
        )
        assert (await cards.index({"person.gts": PERSON})).errors == 0
        await cards.index({"person.gts": "export const a = 1;\n"})
        assert "person.gts exports no class Person" in await cards.error("Person/mango.json")


async def test_a_module_that_shadows_another_is_that_of_the_cards_behind_it(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        untyped = module("Person", "badge = contains(NumberField)").split("  static isolated")[0]
        others = {key: PEOPLE[key] for key in ("employee.gts", "Employee/jade.json")}
        await cards.index({**others, "person.ts": f"{untyped}}}\n"})
        assert (await cards.card("Employee/jade.json")).classes[1] == "person.ts#Person"
        # The new one offers the same, so that only its place tells.
        await cards.index({"person.gts": f"{untyped}}}\n"})
        assert (await cards.card("Employee/jade.json")).classes[1] == "person.gts#Person"
        await cards.index({"person.gts": None})
        assert (await cards.card("Employee/jade.json")).classes[1] == "person.ts#Person"


async def test_a_link_to_a_broken_card_leaves_the_card_itself_clean(open_cards: OpenCards) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        await cards.index({"Employee/jade.json": card("./nowhere", "X")})
        assert await cards.error("Employee/jade.json")
        hassan = await cards.entry("Person/hassan.json")
        assert hassan.error is None
        assert "whose module ./nowhere no file provides" in "".join(hassan.diagnostics)
        await cards.index({"Employee/jade.json": '{"data": {"meta": {"adoptsFrom": {'})
        assert "is not well formed" in await cards.error("Employee/jade.json")
        hassan = await cards.entry("Person/hassan.json")
        assert hassan.error is None
        assert "which is not well formed" in "".join(hassan.diagnostics)
        await cards.index({"Employee/jade.json": None})
        assert "which no file provides" in "".join(
            (await cards.entry("Person/hassan.json")).diagnostics
        )
        assert (await cards.index({"Employee/jade.json": PEOPLE["Employee/jade.json"]})).errors == 0
        assert (await cards.entry("Person/hassan.json")).diagnostics == ()


async def test_templates_and_bodies_concern_no_card_but_fields_concern_all(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        fields = ("firstName = contains(StringField)", "age = contains(NumberField)")
        await cards.index({**PEOPLE, "person.gts": module("Person", *fields)})
        edited = module("Person", *fields, template="<b>{{@model.age}} it's</b>", body="return 2;")
        assert (await cards.index({"person.gts": edited})).visited == 1
        renamed = module("Person", "givenName = contains(StringField)", fields[1])
        # The module, the one that extends its class, and three cards.
        assert (await cards.index({"person.gts": renamed})).visited == 5
        assert (
            "attribute firstName is no field of its class"
            in (await cards.entry("Person/mango.json")).diagnostics
        )
        retyped = module(
            "Person", "givenName = contains(StringField)", "age = contains(StringField)"
        )
        assert (await cards.index({"person.gts": retyped})).visited == 5
        assert (await cards.card("Person/hassan.json")).attributes["age"] == "31"


async def test_cards_are_found_by_type_and_by_what_their_attributes_are(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        assert await cards.found("Person") == {"Hassan", "Mango", "Jade"}
        assert await cards.found("Employee") == {"Jade"}
        assert await cards.found("person.gts#Person", {"age": ("gt", 30)}) == {"Hassan"}
        assert await cards.found(None, {"age": ("le", 31), "firstName": ("starts", "M")}) == {
            "Mango"
        }
        assert await cards.found("Person", {"tags": "b"}) == {"Hassan"}
        assert await cards.found("Person", {"age": ("in", [7, 8])}) == {"Mango"}
        assert await cards.found("Pet") == set()
        hits = await cards.engine.search("Person", type="Person", where={"age": ("lt", 10)})
        assert [hit.path for hit in hits] == ["Person/mango.json"]


@pytest.mark.parametrize(
    "where",
    [{'a" ? (1 == 1)': 1}, {"a": ("like", "x")}, {"": 1}, {"a": "\0"}, {"a": float("nan")},
     {"a": ("in", "abc")}, {"a": None}, {"a": ("starts", 1)}],
)  # fmt: skip
async def test_what_is_no_filter_is_refused(
    open_cards: OpenCards, where: dict[str, object]
) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        with pytest.raises(BadFilter):
            await cards.found(None, where)


async def test_modules_outside_of_the_realm_are_known_and_their_cards_are_no_errors(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index(
            {
                "a.json": card("@acme/people/person", "Person", {"anything": {"x": 1}}),
                "b.json": card(
                    "https://acme.org/person", "Person", {}, friend="https://acme.org/c"
                ),
            }
        )
        assert (await cards.card("a.json")).attributes == {"anything": {"x": 1}}
        assert (await cards.card("b.json")).classes == ("https://acme.org/person#Person",)
        assert (await cards.entry("b.json")).diagnostics == (
            "friend links to https://acme.org/c, outside of the realm",
        )


async def test_elsewhere_a_card_is_plain_json_until_its_realm_becomes_one_of_cards(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        write_tree(cards.root, PEOPLE)
        await cards.engine.add_realm("cards", Folder(cards.root))
        await (await cards.engine.index("cards")).finished()
        assert (await cards.entry("Person/mango.json")).language == "json"
        assert await cards.engine.cards("cards") == []
        await cards.engine.add_realm("cards", CardRealm(cards.root), replace=True)
        await cards.index()
        assert await cards.found("Person") == {"Hassan", "Mango", "Jade"}


async def test_files_that_boxelignore_names_are_not_in_the_realm(open_cards: OpenCards) -> None:
    async with open_cards() as cards:
        ignored = {
            ".boxelignore": "draft*\n/old/\n!drafted.json\n",
            "a/.boxelignore": "!draft.json\n",
        }
        others = {
            "draft.json": "{}",
            "old/x.json": "{}",
            "a/draft.json": "{}",
            "drafted.json": "{}",
        }
        await cards.index({**ignored, **others, "b/draft.txt": "x"})
        keys = {entry.key for entry in await cards.engine.entries("cards")}
        assert keys == {".boxelignore", "a/.boxelignore", "a/draft.json", "drafted.json"}


class ReadsNoted(CardRealm):
    """Notes which files are read, in the process that runs the pass."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads: list[str] = []

    def read(self, key: str, *, max_bytes: int) -> bytes:
        self.reads.append(key)
        return super().read(key, max_bytes=max_bytes)


class Late(SyntaxVisitor):
    """Knows how many files had been read when the first of the visits began."""

    def __init__(self, source: ReadsNoted) -> None:
        self._source = source
        self.read_before: int | None = None

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if self.read_before is None:
            self.read_before = len(self._source.reads)
        return await super().visit(file, context)

    def read_during_visits(self) -> list[str]:
        found = self._source.reads[self.read_before :]
        self._source.reads.clear()
        self.read_before = None
        return found


async def test_all_that_visits_read_is_loaded_before_the_first_of_them(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    """Modules themselves, what new cards refer to, and what the last good visit read."""
    source = ReadsNoted(tmp_path)
    visitor = Late(source)
    async with open_engine(visitor=visitor) as engine:

        async def index(files: Mapping[str, str | None]) -> PassReport:
            write_tree(tmp_path, files)
            realm = await engine.add_realm("cards", source)
            return await (await realm.index()).finished()

        assert (await index(PEOPLE)).visited == 5
        assert visitor.read_during_visits() == []
        mango = card("../person", "Person", {"firstName": "Mango", "age": 8})
        added = card("./employee", "Employee", {"firstName": "New"}, friend="./Person/hassan")
        report = await index({"new.json": added, "Person/mango.json": mango})
        # The card that is new, the one that changed, and one that links to that.
        assert (report.visited, report.errors) == (3, 0)
        assert visitor.read_during_visits() == []


async def test_a_definition_that_cannot_be_had_is_a_warning_and_the_pass_completes(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        broken = await cards.index({"person.gts": "\0"})
        assert any("person.gts" in each for each in broken.warnings)
        assert (broken.files, broken.errors) == (5, 4)


async def test_broken_cards_are_visited_again_when_what_they_looked_for_moves_and_only_then(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        without = {key: text for key, text in PEOPLE.items() if key != "person.gts"}
        assert (await cards.index(without)).errors == 3
        assert (await cards.index()).visited == 0
        # What no card of these looked for.
        assert (await cards.index({"pet.gts": module("Pet"), "x.json": "{}"})).visited == 2
        # The module comes without the class, and both modules' cards learn it, each once.
        nobody = await cards.index({"person.gts": "export const a = 1;\n"})
        assert (nobody.visited, nobody.errors) == (5, 3)
        assert (await cards.index()).visited == 0
        healed = await cards.index({"person.gts": PERSON})
        assert (healed.visited, healed.errors) == (5, 0)


async def test_cards_that_broke_do_not_wait_for_what_they_read_while_they_were_whole(
    open_cards: OpenCards,
) -> None:
    async with open_cards() as cards:
        await cards.index(PEOPLE)
        hassan = PEOPLE["Person/hassan.json"].replace("../person", "../nobody")
        assert (await cards.index({"Person/hassan.json": hassan})).errors == 1
        # It linked to this one, and will again; until then that is no concern of its.
        mango = card("../person", "Person", {"firstName": "Other"})
        assert (await cards.index({"Person/mango.json": mango})).visited == 1
        assert (await cards.index({"nobody.gts": module("Person")})).errors == 0
        assert (await cards.card("Person/hassan.json")).classes[0] == "nobody.gts#Person"


class Curious(SyntaxVisitor):
    """Asks for one more module than a file refers to, and fails when that can't be had."""

    def __init__(self, failure: Callable[[str], Exception]) -> None:
        self._failure = failure

    async def visit(self, file: File, context: VisitContext) -> Visit:
        if file.key == "a.py":
            try:
                await context.definition("wanted.py")
            except DefinitionUnavailable as error:
                raise self._failure(str(error)) from None
        return await super().visit(file, context)


@pytest.mark.parametrize(("failure", "visited"), [(FileBroken, 0), (OSError, 1)])
async def test_a_failure_that_no_second_try_mends_waits_for_what_it_asked_for(
    open_engine: OpenEngine, tmp_path: Path, failure: Callable[[str], Exception], visited: int
) -> None:
    async with open_engine(visitor=Curious(failure)) as engine:

        async def index(files: Mapping[str, str | None]) -> PassReport:
            realm = await engine.add_realm("code", Folder(write_tree(tmp_path, files)))
            return await (await realm.index()).finished()

        assert (await index({"a.py": "x = 1\n", "b.py": ""})).errors == 1
        assert (await index({})).visited == visited
        report = await index({"wanted.py": "y = 1\n"})
        assert (report.visited, report.errors) == (2, 0)
        assert (await index({"wanted.py": None})).errors == 1


async def test_a_failure_waits_for_a_module_that_can_not_be_read(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    async with open_engine(visitor=Curious(FileBroken)) as engine:
        realm = await engine.add_realm("code", Folder(tmp_path))

        async def index() -> PassReport:
            return await (await realm.index()).finished()

        write_tree(tmp_path, {"a.py": "x = 1\n"})
        (tmp_path / "wanted.py").write_bytes(b"y = '\xff'\n")
        assert (await index()).errors == 2
        assert (await engine.neighbours("code", "a.py")).dependencies == ("wanted.py",)
        write_tree(tmp_path, {"wanted.py": "y = 1\n"})
        report = await index()
        assert (report.visited, report.errors) == (2, 0)
