"""From text to windows: encoding in pieces, the cache, the splits, and the endless stream."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.config import TextData
from genctl.data import token_writing
from genctl.data.prompts import read_prompts
from genctl.data.texts import prepare_text
from genctl.data.token_cache import Survey
from genctl.data.token_writing import TokenEncoder
from genctl.data.tokenizer import Tokenizer
from genctl.data.tokens import TokenDataset, windows
from genctl.errors import ExitStatus, GenctlError

BPE = Tokenizer.bpe(iter(["it's the cat's mat 12 34 -- 春眠，不觉晓。处处\n" * 30]), 330)
spaced = st.text(st.sampled_from("ab'st 1\n\t，。春眠-_ "), max_size=80)


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def prepared(source: str, tokenizer: str = "char", context: int = 8) -> TokenDataset:
    return prepare_text(TextData(source, tokenizer=tokenizer, context=context, vocab_size=300))


@given(st.lists(spaced, max_size=6))
def test_a_bpe_in_pieces_gives_the_tokens_of_the_whole(pieces: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_writing, "_PART", 5)
        encoder = TokenEncoder(BPE)
        found = [encoder.feed(piece) for piece in pieces] + [encoder.finish()]
    assert np.concatenate(found).tolist() == BPE.encode("".join(pieces))


@given(st.lists(spaced, max_size=6))
def test_characters_and_bytes_in_pieces(pieces: list[str]) -> None:
    whole = "".join(pieces)
    for tokenizer in (Tokenizer.byte(), Tokenizer.char("ab'st 1\n\t，。春眠-_ ")):
        encoder = TokenEncoder(tokenizer)
        found = [encoder.feed(piece) for piece in pieces] + [encoder.finish()]
        assert np.concatenate(found).tolist() == tokenizer.encode(whole)


def test_the_last_tenth_of_one_text_is_held_out(tmp_path: Path) -> None:
    text = "".join(chr(97 + k % 26) for k in range(1005))
    data = prepared(write(tmp_path / "t.txt", text))
    statistics = data.spec.statistics
    assert (statistics["train_tokens"], statistics["valid_tokens"]) == (904, 101)
    held_out = next(data.validation())["tokens"][0].tolist()
    assert data.tokenizer.decode(held_out) == text[904:913]


def test_whole_documents_are_held_out_where_there_are_several(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"document {k:03} " * 5}) for k in range(100)]
    data = prepared(write(tmp_path / "t.jsonl", "\n".join(lines)), "byte")
    statistics = data.spec.statistics
    assert statistics["documents"] == 100
    assert statistics["valid_tokens"] == pytest.approx(statistics["train_tokens"] / 9, rel=0.05)
    held_out = np.concatenate([batch["tokens"][:, :-1].flatten() for batch in data.validation()])
    ends = np.flatnonzero(held_out == data.spec.end)
    assert len(ends) == 10
    assert data.tokenizer.decode(held_out[: ends[0]].tolist()).startswith("document ")


@given(st.lists(st.integers(1, 1000), min_size=10, max_size=200))
def test_about_a_tenth_is_held_out_whatever_the_sizes(sizes: list[int]) -> None:
    held_out = Survey("", sizes).held_out()
    characters = sum(size for size, out in zip(sizes, held_out, strict=True) if out)
    assert abs(characters - 0.1 * sum(sizes)) <= max(sizes)
    assert not all(held_out)


def test_every_window_comes_once_an_epoch(tmp_path: Path) -> None:
    text = "".join(chr(0x4E00 + k) for k in range(500))
    data = prepared(write(tmp_path / "t.txt", text))
    epoch = data.spec.examples
    batches = list(islice(data.stream(0, 1, seed=3), 3 * epoch))
    starts = [int(batch["tokens"][0, 0]) for batch in batches]
    assert all(
        batch["tokens"][0].tolist() == list(range(start, start + 9))
        for batch, start in zip(batches, starts, strict=True)
    )
    phases = set()
    for number in range(3):
        own = starts[number * epoch : (number + 1) * epoch]
        assert len(set(own)) == epoch
        assert len({start % 8 for start in own}) == 1
        phases.add(own[0] % 8)
        assert own != sorted(own)
    assert len(phases) > 1


def test_a_window_depends_on_its_position_and_the_seed_alone(tmp_path: Path) -> None:
    data = prepared(write(tmp_path / "t.txt", "abcdefghij" * 50))
    whole = [row for b in islice(data.stream(0, 6, seed=1), 20) for row in b["tokens"].tolist()]
    later = next(data.stream(60, 6, seed=1))
    assert later["tokens"].tolist() == whole[60:66]
    assert list(later.positions) == list(range(60, 66))
    shares = [next(data.stream(60, 6, seed=1, rank=rank, world=3)) for rank in range(3)]
    assert [row for share in shares for row in share["tokens"].tolist()] == whole[60:66]
    other = [row for b in islice(data.stream(0, 6, seed=2), 20) for row in b["tokens"].tolist()]
    assert other != whole


@given(st.integers(2, 60), st.integers(1, 12))
def test_every_token_but_the_first_is_predicted_once(length: int, context: int) -> None:
    tokens = np.arange(length, dtype=np.uint16)
    predicted = [
        int(token)
        for batch in windows(tokens, context)
        for token in batch["tokens"][:, 1:][batch["mask"]]
    ]
    assert predicted == list(range(1, length))


def test_the_cache_is_used_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "t.txt", "the cat sat on the mat\n" * 60)
    first = prepared(source, "bpe")
    moved = write(tmp_path / "moved.txt", "the cat sat on the mat\n" * 60)
    with monkeypatch.context() as patch:
        patch.setattr(Tokenizer, "bpe", None)  # a second training would fail
        again = prepared(moved, "bpe", context=16)
    assert again.artefacts == first.artefacts
    assert again.spec.fingerprint == first.spec.fingerprint
    (file,) = (tmp_path / "cache" / "tokens").glob("*/train.bin")
    before = file.read_bytes()
    file.write_bytes(before[:-2])
    assert prepared(source, "bpe").artefacts == first.artefacts
    assert file.read_bytes() == before


def test_a_changed_text_is_another_one(tmp_path: Path) -> None:
    one = prepared(write(tmp_path / "t.txt", "abc " * 100)).spec
    two = prepared(write(tmp_path / "t.txt", "abd " * 100)).spec
    assert one.fingerprint != two.fingerprint


@pytest.mark.parametrize(
    ("text", "tokenizer", "words", "code"),
    [
        ("short", "char", "is too short: 4 tokens", ExitStatus.DATA),
        ("abc " * 50, "bbpe", "unknown tokenizer 'bbpe'; did you mean 'bpe'", ExitStatus.USAGE),
        ("abc " * 50, "no/tokenizer.json", "no tokenizer at", ExitStatus.USAGE),
    ],
)
def test_mistakes(text: str, tokenizer: str, words: str, code: ExitStatus, tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match=words) as refused:
        prepared(write(tmp_path / "t.txt", text), tokenizer)
    assert refused.value.code == code


def test_a_given_tokenizer_is_taken_as_it_is(tmp_path: Path) -> None:
    first = prepared(write(tmp_path / "a.txt", "春眠不觉晓" * 30))
    path = tmp_path / "tokenizer.json"
    path.write_bytes(first.artefacts["tokenizer/tokenizer.json"])
    second = prepared(write(tmp_path / "b.txt", "不觉" * 60), str(path))
    assert second.artefacts == first.artefacts
    with pytest.raises(GenctlError, match=r"'猫' \(U\+732B\)") as refused:
        prepared(write(tmp_path / "c.txt", "春猫" * 60), str(path))
    assert refused.value.code == ExitStatus.DATA


def test_prompts(tmp_path: Path) -> None:
    lines = tmp_path / "题.txt"
    lines.write_text("春眠\n\n the cat\n", "utf-8")
    assert read_prompts(lines) == ["春眠", " the cat"]
    objects = tmp_path / "题.jsonl"
    objects.write_text('{"prompt": "a\\nb"}\n{"text": "c"}\n', "utf-8")
    assert read_prompts(objects) == ["a\nb", "c"]
    objects.write_text('{"prompt": "a"}\n{"no": 1}\n', "utf-8")
    with pytest.raises(GenctlError, match="line 2"):
        read_prompts(objects)
    for content in (b"", b"\xff"):
        lines.write_bytes(content)
        with pytest.raises(GenctlError) as refused:
            read_prompts(lines)
        assert refused.value.code == ExitStatus.DATA
