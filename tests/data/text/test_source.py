"""What text can be, and what it cannot."""

from __future__ import annotations

import codecs
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.text import decompress as unpacked
from genctl.data.text.characters import CODECS
from genctl.data.text.options import ENCODINGS
from genctl.data.text.source import open_text
from genctl.errors import ExitStatus, GenctlError


def texts(source: Path | str, encoding: str = "utf-8") -> list[str]:
    return ["".join(document) for document in open_text(str(source), encoding).documents()]


def test_the_language_reference_is_built_in() -> None:
    source = open_text("pydoc")
    documents = ["".join(document) for document in source.documents()]
    assert len(documents) > 50
    assert any("for" in document and "statement" in document for document in documents)
    assert source.label.startswith("python 3.")


def test_a_file_is_one_document_with_its_bytes_kept(tmp_path: Path) -> None:
    (tmp_path / "诗.txt").write_bytes("春眠\r\n不觉晓\n".encode())
    assert texts(tmp_path / "诗.txt") == ["春眠\r\n不觉晓\n"]
    assert open_text(str(tmp_path / "诗.txt")).name == "诗"
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfabc")
    assert texts(tmp_path / "bom.txt") == ["abc"]


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
       min_size=1), size=st.integers(1, 9))  # fmt: skip
def test_pieces_put_together_are_the_text(
    text: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("text") / "t.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacked, "PIECE_BYTES", size)
        assert texts(path) == [text]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.open), (".xz", lzma.open)])
def test_packed_files(suffix: str, pack: Callable[..., BinaryIO], tmp_path: Path) -> None:
    path = tmp_path / f"诗.txt{suffix}"
    with pack(path, "wb") as file:
        file.write("春眠不觉晓".encode())
    assert texts(path) == ["春眠不觉晓"]
    assert open_text(str(path)).name == "诗"
    whole = path.read_bytes()
    for damaged in (whole[:-12], whole[:10] + b"\xff\xff" + whole[12:], b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(GenctlError, match="cannot be unpacked") as refused:
            texts(path)
        assert refused.value.code == ExitStatus.DATA


def test_lines_of_json_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text, "id": 1}) for text in ("one\n", "两")]
    path.write_text("\ufeff" + "\n".join([lines[0], "", lines[1]]), "utf-8")
    assert texts(path) == ["one\n", "两"]
    for bad in ("{", '{"txt": "a"}', "[1]", '{"text": 3}', "[" * 100_000):
        path.write_text(f"{lines[0]}\n{bad}\n", "utf-8")
        with pytest.raises(GenctlError, match=r"a\.jsonl, line 2: no JSON object") as refused:
            texts(path)
        assert refused.value.code == ExitStatus.DATA


def test_lines_that_are_json_but_no_text(tmp_path: Path) -> None:
    path = tmp_path / "文.jsonl"
    path.write_text('{"text": "a"}\n{"text": "b\\ud83d"}\n', "utf-8")
    with pytest.raises(GenctlError, match=r"line 2: its text has half a character, \\ud83d"):
        texts(path)
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n{"text": "\xff"}\n')
    with pytest.raises(GenctlError, match="is not UTF-8: byte 27 "):
        texts(path)


def test_a_folder_in_natural_order_without_what_is_empty_or_binary(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        (tmp_path / f"第{number}章.txt").write_text(str(number), "utf-8")
    (tmp_path / "__init__.py").touch()
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(bytes(1000)))
    (tmp_path / "b.bin").write_bytes(bytes(10))
    assert texts(tmp_path) == ["1", "9", "10"]
    assert open_text(str(tmp_path)).ignored == 2


def test_a_folder_holds_its_texts(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.md").write_text("two", "utf-8")
    (tmp_path / "a.txt").write_text("one", "utf-8")
    (tmp_path / "c.jsonl").write_text('{"text": "three"}\n{"text": "four"}\n', "utf-8")
    (tmp_path / ".hidden.txt").write_text("no", "utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0")
    assert texts(tmp_path) == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"ab\0c", r"looks binary \(NUL at byte 2\)"),
        (b"abc\xff", "is not UTF-8: byte 3 is not the start of a character"),
        ("好".encode()[:2], "is not UTF-8: byte 0"),
    ],
)
def test_files_that_are_no_text(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "文.txt"
    path.write_bytes(content)
    with pytest.raises(GenctlError, match=words) as refused:
        texts(path)
    assert refused.value.code == ExitStatus.DATA
    assert str(path) in refused.value.message


def test_the_offset_of_a_bad_byte_counts_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked, "PIECE_BYTES", 7)
    path = tmp_path / "t.txt"
    path.write_bytes("春眠不觉晓".encode() + b"\xc3(")
    with pytest.raises(GenctlError, match="byte 15"):
        texts(path)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "甄士隐梦幻识通灵\r\n𠮷€"),
        ("gbk", "贾雨村风尘怀闺秀"),
        ("big5", "滿紙荒唐言，一把辛酸淚"),
        ("shift_jis", "吾輩は猫である①"),
        ("euc_jp", "名前はまだ無い"),
        ("euc_kr", "나랏말싸미 듕귁에 달아 똠"),
        ("cp1251", "Все счастливые семьи"),
        ("koi8_r", "похожи друг на друга"),
        ("cp1252", "L’été, “ça” coûte 5 €"),
    ],
)
def test_texts_in_other_encodings(
    encoding: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked, "PIECE_BYTES", 3)
    (tmp_path / "1.txt").write_bytes(text.encode(CODECS[encoding]))
    (tmp_path / "2.jsonl").write_bytes(
        f'{{"text": "a"}}\n{{"text": "{text[:5]}"}}'.encode(CODECS[encoding])
    )
    (tmp_path / "3.txt").write_text(text, "utf-8", newline="")
    (tmp_path / "4.txt").write_text(text, "utf-16", newline="")
    assert texts(tmp_path, encoding) == [text, "a", text[:5], text, text]
    with pytest.raises(GenctlError, match=r"1\.txt is not UTF-8: byte") as refused:
        texts(tmp_path)
    assert 'encoding="gb18030" if it is Chinese' in refused.value.hint


def test_every_encoding_of_the_configuration_has_a_codec() -> None:
    assert tuple(CODECS) == ENCODINGS


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_utf16_is_known_by_its_mark(mark: bytes, tmp_path: Path) -> None:
    path = tmp_path / "记事本.txt"
    name = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    path.write_bytes(mark + "春眠\r\n😀abc".encode(name))
    assert texts(path) == ["春眠\r\n😀abc"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GenctlError, match="not UTF-16, despite its mark: byte 18"):
        texts(path)


def test_what_only_begins_like_utf16_is_binary(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", "utf-8")
    (tmp_path / "b.bin").write_bytes(codecs.BOM_UTF16_LE + bytes([0, 0xDC] * 9))
    assert texts(tmp_path) == ["a"]


def test_damaged_utf8_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes("甄士隐梦幻识通灵".encode() + b"\xff")
    with pytest.raises(GenctlError, match="is not UTF-8: byte 24") as refused:
        texts(path)
    assert "UTF-8 up to there" in str(refused.value.hint)


def test_a_text_in_another_encoding_than_was_said(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes("甄士隐".encode("gb18030") + b"\xff")
    with pytest.raises(GenctlError, match="neither UTF-8 nor gb18030: byte 6 is not") as refused:
        texts(path, "gb18030")
    assert "big5" in str(refused.value.hint)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "poems.txt").write_text("x", "utf-8")
    with pytest.raises(GenctlError, match=r"did you mean 'poems\.txt'"):
        open_text(str(tmp_path / "poem.txt"))
    with pytest.raises(GenctlError, match="did you mean 'pydoc'"):
        open_text("pydocs")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(bytes(9))
    with pytest.raises(GenctlError, match=r"only binary files \(1\)"):
        open_text(str(tmp_path / "pictures"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(GenctlError, match="the folder is empty"):
        texts(tmp_path / "empty")
