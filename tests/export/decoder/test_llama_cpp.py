"""The process that llama.cpp runs in may end in any way, and that is told, not raised."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from genctl.export.decoder import llama_cpp

REQUEST = llama_cpp.Request("模型.gguf", [1, 2], 3, 8, "狗")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


def stand_in(folder: Path, script: str) -> str:
    """A program in the place of Python: ``$3`` is the request, ``$4`` the answer."""
    path = folder / "程序.sh"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -ILL $$", r"it crashed \(-4\)"),
        ("echo 'a warning' >&2; echo 'ImportError: no such library' >&2; exit 1", "ImportError"),
        ("exit 3", r"it crashed \(3\)"),
        ("sleep 5", "timed out"),
    ],
)
def test_it_did_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(llama_cpp, "TIMEOUT_SECONDS", 0.5 if "sleep" in script else 60)
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, script))
    with pytest.raises(llama_cpp.NotTriedError, match=reason):
        llama_cpp.ask(REQUEST)


def test_there_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    with pytest.raises(llama_cpp.NotTriedError, match="No such file"):
        llama_cpp.ask(REQUEST)


def test_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = '{"tokens": [7], "split": [8, 9], "error": ""}'
    script = f'grep -q \'"prompt": \\[1, 2\\]\' "$3" && echo \'{answer}\' > "$4"'
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, script))
    assert llama_cpp.ask(REQUEST) == llama_cpp.Answer([7], [8, 9])
