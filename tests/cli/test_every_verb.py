"""Every verb in every manner: one document, a bare result, or plain text."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from genctl.cli.app import app
from genctl.evaluation.score import Score
from tests.command_line import Type
from tests.data.pictures import pixels, write

BRIEF = "--preset mlp --budget 2steps --evaluations 0 --threads 1 --new"
COMMANDS = {
    "train": f"train gan {BRIEF}",
    "sample": "sample RUN --n 4 --out OUT.npz",
    "eval": "eval kid RUN --n 20",
    "compare": "compare A.json A.json",
    "data stats": "data stats digits --n 100 --extractor px --out OUT.npz",
    "stats": "stats digits --n 100 --extractor px --out OUT.npz",
    "export": "export RUN --format safetensors --out OUT",
    "models": "models",
    "info": "info RUN",
    "explain": "explain 3",
    "watch": "watch RUN --terminal",
    "report": "report RUN --out OUT.html",
    "doctor": "doctor",
    "runs ls": "runs ls",
    "runs show": "runs show RUN",
    "runs compare": "runs compare RUN RUN",
    "runs rm": "runs rm SPARE --yes",
    "data ls": "data ls",
    "data check": "data check PICTURES",
    "data clean": "data clean PICTURES --out OUT",
    "data label": "data label PICTURES --pattern (.)[.]png",
    "config show": "config show gan",
    "config diff": "config diff RUN RUN",
}
ELSEWHERE = {"demo"}
"""Takes minutes, and has tests of its own."""

COMMON_FLAGS = {"plain": (), "json": ("--json",), "quiet": ("--quiet",)}


def verbs(group: Any = None, prefix: str = "") -> Iterator[str]:
    """All that can be typed, as ``runs ls``."""
    group = app if group is None else group
    for command in group.registered_commands:
        yield prefix + (command.name or "")
    for inner in group.registered_groups:
        yield from verbs(inner.typer_instance, f"{inner.typer_instance.info.name} ")


def test_no_verb_is_forgotten() -> None:
    assert set(verbs()) == set(COMMANDS) | ELSEWHERE


@pytest.fixture
def desk(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the commands speak of."""
    root = tmp_path / "训练"
    for name in ("RUN", "SPARE"):
        shutil.copytree(trained, root / name)
    monkeypatch.setenv("GENCTL_RUNS", str(root))
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        write(tmp_path / "PICTURES" / f"图{number}.png", pixels(number, 16, 16, 3))
    score = Score("kd[digits]", 0.5, 0.1, "of chance", 20, 30, "kd|n:20/30")
    (tmp_path / "A.json").write_text(json.dumps({"scores": [score.to_json()]}), "utf-8")
    return tmp_path


def words_of_json(verb: str) -> set[str]:
    """The words of the paragraph of a verb's notes that lists the keys of its JSON."""
    command: Any = get_command(app)
    for name in verb.split():
        command = command.commands[name]
    paragraphs = (command.help or "").split("\n\n")
    return {
        word
        for paragraph in paragraphs
        if paragraph.strip().startswith(("JSON:", "With `--json`:"))
        for word in re.findall(r"\w+", paragraph)
    }


def keys_of(document: dict[str, Any]) -> set[str]:
    """The keys of a document, and those of the objects in its lists but records of starts."""
    lists = [v for key, v in document.items() if isinstance(v, list) and key != "starts"]
    rows = [row for rows in lists for row in rows]
    return set(document).union(*(row for row in rows if isinstance(row, dict)))


@pytest.mark.parametrize("manner", COMMON_FLAGS)
@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_in_every_manner(verb: str, manner: str, desk: Path, type_: Type) -> None:
    said = type_(*COMMANDS[verb].split(), *COMMON_FLAGS[manner])
    assert said.code == 0, said.err
    assert "\x1b" not in said.out + said.err
    assert "Traceback" not in said.err
    if manner == "json":
        document = json.loads(said.out)
        assert isinstance(document, dict)
        if noted := words_of_json(verb):
            assert noted >= keys_of(document)
    elif manner == "plain":
        assert said.out.strip()
    else:
        assert not said.out.startswith(("next:", "using ", "finished "))
        assert not [line for line in said.err.splitlines() if not line.startswith("warning: ")]
