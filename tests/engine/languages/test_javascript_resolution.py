"""Where the names of modules lead, and that every place looked at is recorded."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.languages.javascript import JAVASCRIPT, TYPESCRIPT
from engine.languages.language import Binding, Reference, Resolution


class Files(dict[str, str]):
    """A tree in memory."""

    def read(self, key: str) -> str | None:
        return self.get(key)


def resolved(text: str, key: str, files: Files) -> Resolution:
    language = TYPESCRIPT if key.endswith(("ts", "tsx")) else JAVASCRIPT
    return language.resolve([Reference(text, (Binding("", "x", exported=False),))], key, files)


def target(text: str, *keys: str, importer: str = "src/a.ts", **configs: object) -> str | None:
    """The key that a name leads to; `configs` are JSON files, `__` in their names is `/`."""
    files = Files(dict.fromkeys(keys, ""))
    for name, config in configs.items():
        written = config if isinstance(config, str) else json.dumps(config)
        files[name.replace("__", "/") + ".json"] = written
    links = resolved(text, importer, files).links
    return links[0].key if links else None


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("./b", ["src/b.ts", "src/b.js"], "src/b.ts"),
        ("./b", ["src/b.d.ts", "src/b.js"], "src/b.d.ts"),
        ("./b", ["src/b.json"], "src/b.json"),
        ("./b", ["src/b/index.tsx"], "src/b/index.tsx"),
        ("./b", ["src/b.ts", "src/b/index.ts"], "src/b.ts"),
        ("./b/", ["src/b.ts", "src/b/index.ts"], "src/b/index.ts"),
        ("./b.js", ["src/b.ts", "src/b.js"], "src/b.ts"),
        ("./b.jsx", ["src/b.tsx"], "src/b.tsx"),
        ("./b.mjs", ["src/b.mts"], "src/b.mts"),
        ("./b.service", ["src/b.service.ts"], "src/b.service.ts"),
        ("./b.svg?raw", ["src/b.svg"], "src/b.svg"),
        ("..", ["index.js"], "index.js"),
        (".", ["src/index.js"], "src/index.js"),
        ("../lib/./c", ["lib/c.ts"], "lib/c.ts"),
        ("/lib/c", ["lib/c.ts"], "lib/c.ts"),
        ("../../c", ["c.ts"], None),
        ("./c\0", ["src/c.ts"], None),
        ("//cdn.example/c.js", ["c.js"], None),
        ("node:fs", ["fs.ts"], None),
        ("fs", ["fs.ts", "src/fs.ts"], None),
    ],
)
def test_paths_lead_where_typescript_and_bundlers_say(
    text: str, keys: list[str], expected: str | None
) -> None:
    assert target(text, *keys) == expected


def test_files_without_types_prefer_code_over_its_types() -> None:
    assert target("./b", "src/b.d.ts", "src/b.js", importer="src/a.js") == "src/b.js"
    assert target("./b.js", "src/b.d.ts", "src/b.js", importer="src/a.js") == "src/b.js"
    assert target("./b.js", "src/b.ts", importer="src/a.js") == "src/b.ts"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"main": "lib/x"}, "p/lib/x.js"),
        ({"main": "lib"}, "p/lib/index.js"),
        ({"main": "lib/x.js", "types": "t.d.ts"}, "p/t.d.ts"),
        ({"main": "dist/missing.js"}, "p/index.js"),
        ({"main": "."}, "p/index.js"),
        ("not json", "p/index.js"),
    ],
)
def test_a_folder_leads_to_what_its_package_says(manifest: object, expected: str) -> None:
    keys = ["p/lib/x.js", "p/lib/index.js", "p/t.d.ts", "p/index.js"]
    assert target("../p", *keys, p__package=manifest) == expected


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("@/c", {"paths": {"@/*": ["./lib/*"]}}, "lib/c.ts"),
        ("@/c", {"baseUrl": "lib", "paths": {"@/*": ["./*"]}}, "lib/c.ts"),
        ("c", {"baseUrl": "lib"}, "lib/c.ts"),
        ("c", {"baseUrl": "${configDir}/lib"}, "lib/c.ts"),
        ("~c", {"paths": {"~*": ["${configDir}/lib/*"]}}, "lib/c.ts"),
        ("x", {"paths": {"x": ["./none", "./lib/c.ts"]}}, "lib/c.ts"),
        ("ab/c", {"paths": {"*": ["./none/*"], "ab/*": ["./lib/*"]}}, "lib/c.ts"),
        ("c", {"baseUrl": "lib", "paths": {"c": ["none"]}}, None),
        ("c", {"baseUrl": ["lib"], "paths": 3}, None),
    ],
)
def test_paths_of_the_nearest_configuration_hold(
    text: str, options: object, expected: str | None
) -> None:
    assert target(text, "lib/c.ts", tsconfig={"compilerOptions": options}) == expected
    assert target(text, "lib/c.ts", jsconfig={"compilerOptions": options}) == expected


def test_a_configuration_extends_others_and_a_cycle_ends() -> None:
    paths = {"compilerOptions": {"paths": {"@/*": ["./lib/*"]}}}
    assert target("@/c", "lib/c.ts", tsconfig={"extends": "./base"}, base=paths) == "lib/c.ts"
    looped = {"extends": ["./tsconfig.json", "./base.json"]}
    assert target("@/c", "lib/c.ts", tsconfig=looped, base={**paths, **looped}) == "lib/c.ts"
    config = '{"extends": "./conf/base", /* c */ "compilerOptions": {"baseUrl": "lib",},} // end'
    assert target("c", "lib/c.ts", tsconfig=config, conf__base=paths) == "lib/c.ts"


def test_a_malformed_configuration_is_passed_over_and_still_consulted() -> None:
    files = Files(
        {
            "lib/c.ts": "",
            "src/tsconfig.json": "{",
            "tsconfig.json": '{"compilerOptions": {"baseUrl": "lib"}}',
        }
    )
    found = resolved("c", "src/a.ts", files)
    assert [link.key for link in found.links] == ["lib/c.ts"]
    assert found.consulted == ("src/tsconfig.json", "tsconfig.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me", "src/main.ts"),
        ("me/f/c", "lib/c.ts"),
        ("me/private", None),
        ("#c", "lib/c.ts"),
        ("#lib/c", "lib/c.ts"),
        ("other", None),
    ],
)
def test_a_package_leads_to_its_own_modules(text: str, expected: str | None) -> None:
    manifest = {
        "name": "me",
        "exports": {
            ".": {"import": {"types": "./dist/m.d.ts"}, "source": "./src/main.ts"},
            "./f/*": "./lib/*.ts",
            "./private": None,
        },
        "imports": {"#c": ["./lib/c.js"], "#lib/*": {"default": "./lib/*.js"}},
    }
    assert target(text, "src/main.ts", "lib/c.ts", "private.ts", package=manifest) == expected


@pytest.mark.parametrize("folder", ["x", "core-x", "@core/x"])
def test_a_workspace_is_found_by_the_customs_of_naming(folder: str) -> None:
    member = f"packages/{folder}"
    files = Files(
        {
            "package.json": '{"workspaces": ["packages/*"]}',
            f"{member}/package.json": '{"name": "@core/x", "main": "dist/i.js", "source": "i"}',
            f"{member}/i.ts": "",
        }
    )
    assert [link.key for link in resolved("@core/x", "a.ts", files).links] == [f"{member}/i.ts"]
    assert [link.key for link in resolved("@core/x/i", "a.ts", files).links] == [f"{member}/i.ts"]
    assert resolved("@core/y", "a.ts", files).links == ()


def test_an_external_package_costs_few_probes() -> None:
    assert resolved("react", "src/app/a.tsx", Files()).probes == (
        "jsconfig.json",
        "package.json",
        "src/app/jsconfig.json",
        "src/app/package.json",
        "src/app/tsconfig.json",
        "src/jsconfig.json",
        "src/package.json",
        "src/tsconfig.json",
        "tsconfig.json",
    )
    assert resolved("https://x.example/a.js", "src/a.ts", Files()).probes == ()


CONFIGS = (
    "tsconfig.json",
    "src/tsconfig.json",
    "src/jsconfig.json",
    "base.json",
    "src/x/tsconfig.json",
)
MANIFESTS = ("package.json", "src/package.json", "src/x/package.json", "p/x/package.json")
STEMS = ("x", "src/x", "src/x/x", "src/x/index", "x/index", "src/index", "p/x/index", "p/x/x")
SUFFIXES = (".ts", ".d.ts", ".js", ".tsx", ".json", "")
TARGETS = st.sampled_from(
    ["x", "./x", "./src/*", "./src/x", "../x", "*", "./x.js", "${configDir}/*"]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "baseUrl": st.sampled_from([".", "src", "..", "./x"]),
        "paths": st.dictionaries(
            st.sampled_from(["*", "x", "x/*", "@/*"]), st.lists(TARGETS, max_size=2)
        ),
    },
)
CONFIG = st.one_of(
    st.just("{"),
    st.fixed_dictionaries(
        {},
        optional={
            "extends": st.sampled_from(
                ["./base", "./base.json", "../base", "./tsconfig", ["../base", "./x"]]
            ),
            "compilerOptions": OPTIONS,
        },
    ).map(json.dumps),
)
CONDITIONS = st.one_of(
    TARGETS, st.none(), st.dictionaries(st.sampled_from(["types", "default"]), TARGETS)
)
MANIFEST = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["x", "@x/x", "p"]),
        "main": TARGETS,
        "types": TARGETS,
        "module": TARGETS,
        "exports": st.dictionaries(st.sampled_from([".", "./x", "./*"]), CONDITIONS),
        "imports": st.dictionaries(st.sampled_from(["#x", "#*"]), CONDITIONS),
        "workspaces": st.lists(st.sampled_from(["p/*", "p/x", "*", "src/**"]), max_size=2),
    },
).map(json.dumps)
KEYS = [stem + suffix for stem in STEMS for suffix in SUFFIXES]
TREES = st.tuples(
    st.dictionaries(st.sampled_from(KEYS), st.just(""), max_size=12),
    st.dictionaries(st.sampled_from(CONFIGS), CONFIG),
    st.dictionaries(st.sampled_from(MANIFESTS), MANIFEST),
).map(lambda parts: Files(parts[0] | parts[1] | parts[2]))
NAMES = st.sampled_from(
    ["./x", "../x", "..", ".", "./x/", "./x.js", "/x", "x", "x/x", "@x/x", "@/x", "p", "#x", "x?y"]
)


@settings(deadline=None)
@given(TREES, TREES, NAMES, st.sampled_from(["src/x/a.ts", "src/a.js", "a.tsx", "p/x/a.ts"]))
def test_nothing_but_probed_and_consulted_files_can_change_the_answer(
    tree: Files, other: Files, name: str, importer: str
) -> None:
    found = resolved(name, importer, tree)
    changed = Files({key: text for key, text in other.items() if key not in found.probes})
    changed.update({key: other.get(key, "{}") for key in found.probes if key in tree})
    changed.update({key: tree[key] for key in found.consulted})
    assert resolved(name, importer, changed) == found
    assert set(found.consulted) <= set(found.probes)
    assert {link.key for link in found.links} <= set(found.probes) & set(tree)


@settings(deadline=None)
@given(TREES, st.lists(NAMES), st.sampled_from(["src/x/a.ts", "src/a.js"]))
def test_references_resolve_together_as_they_do_alone(
    tree: Files, names: list[str], importer: str
) -> None:
    references = [Reference(name, (Binding("", name, exported=False),)) for name in names]
    together = TYPESCRIPT.resolve(references, importer, tree)
    alone = [TYPESCRIPT.resolve([each], importer, tree) for each in references]
    assert set(together.links) == {link for each in alone for link in each.links}
    assert set(together.probes) == {probe for each in alone for probe in each.probes}
    assert set(together.consulted) == {key for each in alone for key in each.consulted}


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (("dist/m.d.ts", "dist/m.js"), "dist/m.d.ts"),
        (("dist/m.js",), "dist/m.js"),
        ((), "src/m.ts"),
    ],
)
def test_a_condition_of_a_packages_own_is_the_last_one_to_hold(
    built: tuple[str, ...], expected: str
) -> None:
    usual = {"import": "./dist/m.js"}
    exports = {"@me/source": "./src/m.ts", "types": "./dist/m.d.ts"} | usual
    files = Files(
        {
            "package.json": json.dumps({"name": "me", "exports": exports}),
            "src/m.ts": "",
            **dict.fromkeys(built, ""),
        }
    )
    assert [link.key for link in resolved("me", "a.ts", files).links] == [expected]
