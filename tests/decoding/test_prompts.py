"""Prompts from a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from genctl.decoding.prompts import read_prompts
from genctl.errors import ExitStatus, GenctlError


def test_a_prompt_a_line(tmp_path: Path) -> None:
    lines = tmp_path / "题.txt"
    lines.write_bytes("\ufeff春眠\r\n\n the cat\u2028sat\n".encode())
    assert read_prompts(lines) == ["春眠", " the cat\u2028sat"]
    lines.write_bytes("春眠\r\n不觉晓".encode("utf-16"))
    assert read_prompts(lines) == ["春眠", "不觉晓"]


def test_an_object_a_line(tmp_path: Path) -> None:
    objects = tmp_path / "题.jsonl"
    objects.write_text('{"prompt": "a\\nb"}\n\n{"text": "c\u2028d"}\n', "utf-8")
    assert read_prompts(objects) == ["a\nb", "c\u2028d"]


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    objects = tmp_path / "题.jsonl.gz"
    objects.write_bytes(gzip.compress(b'{"prompt": "a"}\n'))
    assert read_prompts(objects) == ["a"]
    objects.write_bytes(b"damaged")
    with pytest.raises(GenctlError, match="cannot be unpacked"):
        read_prompts(objects)


@pytest.mark.parametrize("line", ['{"no": 1}', "[]", "{", '{"prompt": 3}', '{"prompt": "\\ud800"}'])
def test_a_line_without_a_prompt_is_numbered(line: str, tmp_path: Path) -> None:
    objects = tmp_path / "题.jsonl"
    objects.write_text(f'{{"prompt": "a"}}\n\n{line}\n', "utf-8")
    with pytest.raises(GenctlError, match=r"题\.jsonl, line 3: ") as refused:
        read_prompts(objects)
    assert refused.value.code == ExitStatus.DATA


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff", None])
def test_files_without_prompts(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "题.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GenctlError, match="题") as refused:
        read_prompts(path)
    assert refused.value.code == ExitStatus.DATA
