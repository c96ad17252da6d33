"""Only a kind's own folders know the kind, and folders and modules stay small.

The rules read the source and import nothing. Each finding says which file, what is wrong there and
what to do about it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "genctl"
MAX_MODULES = 15
MAX_LINES = 320
KINDS = frozenset({"image", "images", "img", "text", "tok", "tokens"})
"""Names of the built-in kinds of data, features and outputs, and their units."""

ROOM_OF_A_KIND = re.compile(r"(data|outputs)/\w+/")
CLASS_OF_A_KIND = re.compile(r"\w(Data|Dataset)$")


def sources() -> dict[str, str]:
    """Every module's text, by its path below ``src/genctl``."""
    return {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in ROOT.rglob("*.py")}


def data_classes(modules: dict[str, str]) -> frozenset[str]:
    """The options and data sets of the kinds, such as ``ImageData`` and ``TokenDataset``."""
    return frozenset(
        node.name
        for name, text in modules.items()
        if name.startswith("data/") and ROOM_OF_A_KIND.match(name)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and CLASS_OF_A_KIND.search(node.name)
    )


def names_a_kind(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in KINDS


def compared(node: ast.AST) -> Iterator[ast.expr]:
    """What a value is compared with: both sides of ``==``, the members of ``in (...)``, a case."""
    if isinstance(node, ast.MatchValue):
        yield node.value
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if isinstance(operator, ast.Eq | ast.NotEq):
                yield from (left, right)
            elif isinstance(right, ast.Tuple | ast.List | ast.Set):
                yield from right.elts


def kinds_compared(name: str, text: str) -> Iterator[str]:
    """Comparisons with the name of a kind, outside of the kind's own room."""
    if ROOM_OF_A_KIND.match(name):
        return
    for node in ast.walk(ast.parse(text)):
        for value in filter(names_a_kind, compared(node)):
            yield (
                f"{name}:{value.lineno}: compares with {ast.unparse(value)}, the name of a kind; "
                "move this into the kind's folder, or add a field or target to its description"
            )


def data_sets_told_apart(name: str, text: str, classes: Collection[str]) -> Iterator[str]:
    """``isinstance``, ``issubclass`` or a case for the classes of a kind, outside of its room."""
    if ROOM_OF_A_KIND.match(name):
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, asked]):
                pass
            case ast.MatchClass(cls=asked):
                pass
            case _:
                continue
        for part in ast.walk(asked):
            if not isinstance(part, ast.Name | ast.Attribute):
                continue
            called = part.id if isinstance(part, ast.Name) else part.attr
            if called in classes:
                yield (
                    f"{name}:{part.lineno}: asks whether data is of the class {called}; "
                    "use what `contracts.Dataset` promises, or a target of the kind"
                )


def crowded_folders(names: Collection[str]) -> Iterator[str]:
    """Folders of more than `MAX_MODULES` modules."""
    modules = (Path(name) for name in names)
    folders = Counter(p.parent.as_posix() for p in modules if p.name != "__init__.py")
    for folder, count in sorted(folders.items()):
        if count > MAX_MODULES:
            yield (
                f"{folder}/: {count} modules, more than {MAX_MODULES}; "
                "move those that belong together into a folder of their own"
            )


def long_modules(name: str, text: str) -> Iterator[str]:
    """Modules of more than `MAX_LINES` lines."""
    count = len(text.splitlines())
    if count > MAX_LINES:
        yield f"{name}: {count} lines, more than {MAX_LINES}; divide it by what its parts are for"


def unlisted_names(name: str, text: str) -> Iterator[str]:
    """Names that an ``__init__.py`` imports, but neither lists in ``__all__`` nor uses."""
    if Path(name).name != "__init__.py":
        return
    nodes = list(ast.walk(ast.parse(text)))
    known = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                known |= set(ast.literal_eval(value))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "genctl":
            for alias in node.names:
                if (alias.asname or alias.name) not in known:
                    yield (
                        f"{name}:{node.lineno}: re-exports {alias.asname or alias.name}, which "
                        "__all__ does not list; list it, or import it from its own module"
                    )


MODULES = sources()
CLASSES = data_classes(MODULES)
RULES: dict[str, Callable[[str, str], Iterator[str]]] = {
    "kinds": kinds_compared,
    "classes": lambda name, text: data_sets_told_apart(name, text, CLASSES),
    "lines": long_modules,
    "exports": unlisted_names,
}


@pytest.mark.parametrize("rule", RULES)
def test_every_module_follows(rule: str) -> None:
    found = [line for name, text in sorted(MODULES.items()) for line in RULES[rule](name, text)]
    assert found == []


def test_no_folder_is_crowded() -> None:
    assert list(crowded_folders(MODULES)) == []


def test_the_rules_see_the_source() -> None:
    assert {"runs.py", "data/text/dataset.py", "registry/__init__.py"} <= set(MODULES)
    assert {"ImageData", "ImageDataset", "TextData", "TokenDataset"} <= CLASSES


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        ("kinds", "engine/a.py", 'x.kind == "image"'),
        ("kinds", "engine/a.py", '"text" != x.kind'),
        ("kinds", "data/prepare.py", 'x.unit in ("pair", "tok")'),
        ("kinds", "outputs/base.py", 'x.unit not in {"tok"}'),
        ("kinds", "cli/a.py", 'x in ["images"]'),
        ("kinds", "cli/a.py", 'match x:\n    case "label" | "text":\n        pass'),
        ("kinds", "cli/a.py", 'a < b == "tokens"'),
        ("classes", "engine/a.py", "isinstance(x, ImageDataset)"),
        ("classes", "engine/a.py", "isinstance(x, (int, dataset.TokenDataset))"),
        ("classes", "data/prepare.py", "issubclass(x, int | TextData)"),
        ("classes", "cli/a.py", "match x:\n    case ImageData():\n        pass"),
        ("lines", "runs.py", "\n" * (MAX_LINES + 1)),
        ("exports", "nn/__init__.py", 'from genctl.nn.a import A, B\n\n__all__ = ["A"]'),
        ("exports", "nn/__init__.py", "from genctl.nn.a import A as A"),
    ],
)
def test_a_rule_finds(rule: str, name: str, text: str) -> None:
    [found] = RULES[rule](name, text)
    assert found.startswith(name)


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        ("kinds", "data/images/a.py", 'x.kind == "image"'),
        ("kinds", "outputs/text/a.py", 'x.kind == "text"'),
        ("kinds", "engine/a.py", 'Feature("image", shape) == x'),
        ("kinds", "engine/a.py", '"image" in batch'),
        ("kinds", "engine/a.py", 'x.kind in kinds or x == "label"'),
        ("classes", "data/text/a.py", "isinstance(x, TokenDataset)"),
        ("classes", "engine/a.py", "isinstance(x, Dataset); ImageData(x)"),
        ("lines", "runs.py", "\n" * MAX_LINES),
        ("exports", "nn/a.py", "from genctl.nn.a import A"),
        ("exports", "nn/__init__.py", "from genctl.nn.a import A\nB = A()"),
        ("exports", "nn/__init__.py", 'from genctl.nn.a import A as C\n__all__ = ["C"]'),
    ],
)
def test_a_rule_allows(rule: str, name: str, text: str) -> None:
    assert list(RULES[rule](name, text)) == []


def test_the_rule_of_folders_itself() -> None:
    full = [f"data/a/m{k}.py" for k in range(MAX_MODULES)] + ["data/a/__init__.py", "data/b.py"]
    assert list(crowded_folders(full)) == []
    [found] = crowded_folders([*full, "data/a/more.py"])
    assert found.startswith("data/a/: 16 modules")
