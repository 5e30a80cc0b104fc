"""The dependencies of files as each language's own tool tells them. Reads no source our way."""

import ast
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from benchmarks.edge_trees import Edges, files_below

_TYPESCRIPT = Path(__file__).with_name("typescript_edges.cjs")
_MINUTES = 600
_JAVA_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)


def python_edges(root: Path) -> Edges:
    """`ast` finds the imports, importlib's finders the files.

    `import a.b` leads to both, `from a import b` to `a` and, if that is a module, to `a.b`.
    Modules begin above a file's topmost package, in the root, and in its `src`.
    """
    pairs: set[tuple[str, str]] = set()
    read: set[str] = set()
    for key in files_below(root, (".py",)):
        try:
            module = ast.parse((root / key).read_bytes())
        except (SyntaxError, ValueError):
            continue
        read.add(key)
        found = {each for dotted in _imported(module) for each in _modules(root, key, *dotted)}
        pairs |= {(key, path.relative_to(root).as_posix()) for path in found}
    return Edges(frozenset((one, other) for one, other in pairs if one != other), frozenset(read))


def _imported(module: ast.Module) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """The level, the module, and the names that are taken from it."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((0, name.name, ()) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(name.name for name in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            match node.args:
                case [ast.Constant(value=str(text))] if not text.startswith("."):
                    yield 0, text, ("",)


def _modules(
    root: Path, key: str, level: int, dotted: str, names: tuple[str, ...]
) -> Iterator[Path]:
    parts = tuple(part for part in dotted.split(".") if part)
    folder = (root / key).parent
    if level:
        around = [folder, *folder.parents]
        yield from _along(around[level - 1], parts, names, whole=False)
        return
    top = folder
    while (top / "__init__.py").exists():
        top = top.parent
    for place in dict.fromkeys((top, root, root / "src")):
        if parts and _find(place, parts[0]) is not None:
            yield from _along(place, parts, names, whole=not names)
            return


def _along(
    place: Path, parts: tuple[str, ...], names: tuple[str, ...], *, whole: bool
) -> Iterator[Path]:
    """The files of the modules along a path: of all of them, or of the last and its names."""
    inner: Path | None = place
    origin = place / "__init__.py" if (place / "__init__.py").exists() else None
    for part in parts:
        spec = None if inner is None else _find(inner, part)
        if spec is None:
            return
        origin, inner = _origin(spec), _inner(spec)
        if whole and origin is not None:
            yield origin
    if not whole and origin is not None:
        yield origin
    for name in names if inner is not None else ():
        spec = _find(inner, name) if inner is not None and name.isidentifier() else None
        found = None if spec is None else _origin(spec)
        if found is not None:
            yield found


@cache
def _find(folder: Path, name: str) -> ModuleSpec | None:
    finder = FileFinder(str(folder), (SourceFileLoader, [".py"]))
    return finder.find_spec(name) if folder.is_dir() else None


def _origin(spec: ModuleSpec) -> Path | None:
    return Path(spec.origin) if spec.origin else None


def _inner(spec: ModuleSpec) -> Path | None:
    locations = spec.submodule_search_locations
    return Path(next(iter(locations))) if locations else None


def typescript_edges(root: Path, keys: Sequence[str], *, typescript: Path) -> Edges:
    """TypeScript's scanner of imports, and its resolver under the nearest `tsconfig.json`."""
    asked = json.dumps({"root": str(root), "keys": keys, "typescript": str(typescript.resolve())})
    answer = json.loads(_output(["node", str(_TYPESCRIPT)], root, stdin=asked))
    known = frozenset(keys)
    pairs = {(one, other) for one, other in answer if other in known and one != other}
    return Edges(frozenset(pairs), known)


def go_edges(root: Path, *, go: str) -> tuple[Edges, dict[str, str]]:
    """What each package imports as `go list` says it for this machine, its own files included.

    A package, its tests, and the tests beside it are three sources of edges; the second
    value tells of which of them a file is.
    """
    path = f"{Path(go).parent}:{os.environ['PATH']}" if "/" in go else os.environ["PATH"]
    offline = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "PATH": path}
    listed = list(_objects(_output([go, "list", "-e", "-json", "./..."], root, **offline)))
    folders = {each["ImportPath"]: os.path.relpath(each["Dir"], root) for each in listed}
    files = {each["ImportPath"]: _keys(each, folders, "GoFiles", "CgoFiles") for each in listed}
    pairs: set[tuple[str, str]] = set()
    packages: dict[str, str] = {}
    for each in listed:
        name = each["ImportPath"]
        tests = _keys(each, folders, "TestGoFiles")
        apart = _keys(each, folders, "XTestGoFiles")
        for source, own, seen, imports in (
            (name, files[name], files[name], "Imports"),
            (f"{name} tests", tests, files[name] | tests, "TestImports"),
            (f"{name} tests apart", apart, apart, "XTestImports"),
        ):
            packages |= dict.fromkeys(own, source)
            imported = {key for path in each.get(imports, ()) for key in files.get(path, ())}
            others = imported | (seen if len(own) > 1 else seen - own)
            pairs |= {(source, key) for key in others} if own else set()
    return Edges(frozenset(pairs), frozenset(packages.values())), packages


def _keys(package: dict[str, Any], folders: dict[str, str], *kinds: str) -> set[str]:
    folder = folders[package["ImportPath"]]
    return {os.path.normpath(f"{folder}/{n}") for kind in kinds for n in package.get(kind, ())}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:]


def gcc_edges(root: Path, *, include: tuple[str, ...]) -> Edges:
    """All headers of the tree that a source reads, also through others.

    With the flags of the tree's `compile_commands.json`, if it has one. What does not
    compile so (for another system, or before its build has generated something) is left out.
    """
    pairs: set[tuple[str, str]] = set()
    read: set[str] = set()
    flags = _compile_flags(root)
    for key in files_below(root, (".c", ".cc", ".cpp")):
        search = flags.get(key, [f"-I{folder}" for folder in include])
        done = subprocess.run(
            ["gcc", "-MM", *search, key], cwd=root, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            read.add(key)
            words = done.stdout.replace("\\\n", " ").partition(":")[2].split()
            found = {os.path.relpath(root / word, root) for word in words} - {key}
            pairs |= {(key, each) for each in found if not each.startswith("../")}
    return Edges(frozenset(pairs), frozenset(read))


def _compile_flags(root: Path) -> dict[str, list[str]]:
    path = root / "compile_commands.json"
    commands = json.loads(path.read_text()) if path.exists() else []
    found = {}
    for each in commands:
        words = each.get("arguments") or shlex.split(each["command"])
        place = Path(each["directory"])
        kept = [word for word in words if word.startswith(("-D", "-I")) and len(word) > 2]
        paths = [f"-I{place / word[2:]}" if word.startswith("-I") else word for word in kept]
        found[os.path.relpath(place / each["file"], root)] = paths
    return found


def jdeps_edges(root: Path) -> Edges:
    """What the compiled classes name. Constants are copied, and unused imports forgotten.

    Tests are left out, as what they need beside the tree is not there to compile them.
    """
    keys = [key for key in files_below(root, (".java",)) if "/test/" not in f"/{key}"]
    with tempfile.TemporaryDirectory() as out:
        compiler = ["javac", "-proc:none", "-nowarn", "-encoding", "UTF-8", "-d", out]
        _output([*compiler, *keys], root)
        text = _output(["jdeps", "-v", "-filter:none", out], root)
    sources = {_class_name(root / key): key for key in keys}
    pairs: set[tuple[str, str]] = set()
    for line in text.splitlines():
        one, arrow, rest = line.partition(" -> ")
        names = [one.strip(), rest.split()[0]] if arrow and rest.split() else []
        found = [sources.get(name.partition("$")[0]) for name in names]
        match found:
            case [str(source), str(target)] if source != target:
                pairs.add((source, target))
    return Edges(frozenset(pairs), frozenset(keys))


def _class_name(path: Path) -> str:
    package = _JAVA_PACKAGE.search(path.read_text(encoding="utf-8"))
    return f"{package[1]}.{path.stem}" if package else path.stem


def _output(command: list[str], folder: Path, *, stdin: str = "", **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_MINUTES,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr[-1500:]}")
    return done.stdout
