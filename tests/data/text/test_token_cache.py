"""The cache of tokens: used again, mended, shared by processes; and what it holds out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.text import token_cache
from genctl.data.text.options import TextData
from genctl.data.text.source import TextSource, open_text
from genctl.data.text.token_cache import TextStats, TokenFiles, cached_tokens, survey
from genctl.data.text.tokenizer import Tokenizer

TEXT = "the cat sat on the mat 春眠\n" * 60


def cached(source: Path, tokenizer: str = "bpe") -> TokenFiles:
    text = open_text(str(source))
    config = TextData(str(source), tokenizer=tokenizer, vocab_size=300, context=8)
    return cached_tokens(text, survey(text), config)


def same(one: TokenFiles, two: TokenFiles) -> bool:
    return (one.train.tolist(), one.valid.tolist()) == (two.train.tolist(), two.valid.tolist())


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "诗.txt"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "tokens"


def test_the_same_text_elsewhere_is_made_once(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached(text)
    moved = tmp_path / "moved.md"
    moved.write_bytes(text.read_bytes())
    monkeypatch.setattr(Tokenizer, "bpe", None)  # a second training would fail
    again = cached(moved)
    assert same(first, again)
    assert again.tokenizer.files() == first.tokenizer.files()
    assert (again.train_bytes, again.valid_bytes) == (first.train_bytes, first.valid_bytes)
    assert again.train_bytes + again.valid_bytes == len(TEXT.encode())


def test_other_settings_are_another_entry(text: Path, entries: Path) -> None:
    for tokenizer in ("char", "byte", "bpe", "auto"):
        cached(text, tokenizer)
    assert len(list(entries.iterdir())) == 3  # auto is bpe
    text.write_text(TEXT + "!", "utf-8")
    cached(text)
    assert len(list(entries.iterdir())) == 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.bin", b"\0"),
        ("valid.bin", None),
        ("meta.json", b"{"),
        ("meta.json", b"[]"),
        ("tokenizer/tokenizer.json", b"{}"),
        ("tokenizer/tokenizer.json", None),
    ],
)
def test_a_damaged_entry_is_made_anew(
    name: str, content: bytes | None, text: Path, entries: Path
) -> None:
    first = cached(text).train.tolist()
    (entry,) = entries.iterdir()
    before = {path: path.read_bytes() for path in entry.rglob("*") if path.is_file()}
    if content is None:
        (entry / name).unlink()
    else:
        (entry / name).write_bytes(content)
    assert cached(text).train.tolist() == first
    assert {path: path.read_bytes() for path in before} == before
    assert list(entries.iterdir()) == [entry]


def test_what_another_process_made_meanwhile_stays(
    text: Path, entries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = token_cache._write
    made: list[TokenFiles] = []

    def overtaken(stage: Path, source: TextSource, known: TextStats, tokenizer: Tokenizer) -> None:
        write(stage, source, known, tokenizer)
        monkeypatch.setattr(token_cache, "_write", write)
        made.append(cached(text))
        (entry,) = [path for path in entries.iterdir() if not path.name.startswith(".")]
        (entry / "first").touch()

    monkeypatch.setattr(token_cache, "_write", overtaken)
    assert same(cached(text), made[0])
    (entry,) = entries.iterdir()
    assert (entry / "first").exists()


@given(st.lists(st.integers(0, 1000), min_size=10, max_size=200))
def test_about_a_tenth_is_held_out_whatever_the_sizes(sizes: list[int]) -> None:
    held_out = TextStats("", sizes).held_out()
    characters = sum(size for size, out in zip(sizes, held_out, strict=bool(held_out)) if out)
    assert abs(characters - 0.1 * sum(sizes)) <= max(sizes)
    assert not held_out or any(held_out)
    assert not held_out or not all(held_out)


@pytest.mark.parametrize("sizes", [[5] * 9, [0] * 9 + [1000], [4**k for k in range(12)], []])
def test_no_document_is_held_out_where_none_is_a_tenth(sizes: list[int]) -> None:
    assert TextStats("", sizes).held_out() == []


def test_nearly_all_in_one_document_is_divided_within_it(tmp_path: Path) -> None:
    folder = tmp_path / "文"
    folder.mkdir()
    for number in range(11):
        (folder / f"{number}.txt").write_text("x" * (3000 if number == 10 else 1), "utf-8")
    files = cached(folder, "byte")
    assert (len(files.train), len(files.valid)) == (2709 + 10, 301 + 1)


def test_a_fault_of_ours_is_not_damage(
    text: Path, entries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(text)

    def faulty(vocab_size: int) -> object:
        raise TypeError("ours")

    monkeypatch.setattr(token_cache, "dtype_for", faulty)
    with pytest.raises(TypeError, match="ours"):
        cached(text)
    assert len(list(entries.iterdir())) == 1
