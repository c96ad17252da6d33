"""The notebooks, run cell by cell on a tiny budget."""

from __future__ import annotations

import ast
import json
import tempfile
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[str]:
    document = json.loads(path.read_text("utf-8"))
    return ["".join(c["source"]) for c in document["cells"] if c["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, object]) -> object:
    """What the cell would show: the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_there_is_one_for_every_family() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["diffusion", "gan", "lm"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem != "gan" else ())
        for path in NOTEBOOKS
    ],
)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("GENCTL_NOTEBOOK_BUDGET", "3steps")
    names: dict[str, object] = {}
    shown = [run_cell(source, names) for source in cells(path)]
    pictures = [png for each in shown if (png := getattr(each, "_repr_png_", lambda: None)())]
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert bool(pictures) is (path.stem != "lm")
    assert list(tmp_path.glob("genctl-*/*-export"))
