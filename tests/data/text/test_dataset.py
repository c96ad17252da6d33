"""From text to windows: the splits, the endless stream, and one pass for scoring."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.text.dataset import TokenDataset, windows
from genctl.data.text.options import TextData
from genctl.data.text.prepare import open_tokens
from genctl.errors import ExitStatus, GenctlError


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def prepared(source: str, tokenizer: str = "char", context: int = 8) -> TokenDataset:
    return open_tokens(TextData(source, tokenizer=tokenizer, context=context, vocab_size=300))


def test_the_last_tenth_of_one_text_is_held_out(tmp_path: Path) -> None:
    text = "".join(chr(97 + k % 26) for k in range(1005))
    data = prepared(write(tmp_path / "t.txt", text))
    statistics = data.spec.statistics
    assert (statistics["train_tokens"], statistics["valid_tokens"]) == (904, 101)
    held_out = next(data.held_out())["tokens"][0].tolist()
    assert data.tokenizer.decode(held_out) == text[904:913]


def test_whole_documents_are_held_out_where_there_are_several(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"document {k:03} " * 5}) for k in range(100)]
    data = prepared(write(tmp_path / "t.jsonl", "\n".join(lines)), "byte")
    statistics = data.spec.statistics
    assert statistics["documents"] == 100
    assert statistics["valid_tokens"] == pytest.approx(statistics["train_tokens"] / 9, rel=0.05)
    held_out = np.concatenate([batch["tokens"][:, :-1].flatten() for batch in data.held_out()])
    ends = np.flatnonzero(held_out == data.spec.features["tokens"].end)
    assert len(ends) == 10
    assert data.tokenizer.decode(held_out[: ends[0]].tolist()).startswith("document ")


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


@pytest.mark.parametrize(
    ("text", "tokenizer", "words", "code"),
    [
        ("short", "char", "is too short: 4 tokens", ExitStatus.DATA),
        (
            "abcdefghij",
            "char",
            "is too short: too few tokens are held out to score a model: 1",
            ExitStatus.DATA,
        ),
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
    path.write_bytes(first.assets["tokenizer/tokenizer.json"])
    second = prepared(write(tmp_path / "b.txt", "不觉" * 60), str(path))
    assert second.assets == first.assets
    with pytest.raises(GenctlError, match=r"'猫' \(U\+732B\)") as refused:
        prepared(write(tmp_path / "c.txt", "春猫" * 60), str(path))
    assert refused.value.code == ExitStatus.DATA


def test_the_files_of_the_tokenizer_know_the_context(tmp_path: Path) -> None:
    data = prepared(write(tmp_path / "t.txt", "abc " * 100), context=24)
    config = json.loads(data.assets["tokenizer/tokenizer_config.json"])
    assert config["model_max_length"] == 24


def test_bytes_of_what_is_predicted(tmp_path: Path) -> None:
    text = "春眠不觉晓，处处闻啼鸟。\r\n" * 40
    for kind in ("char", "byte", "bpe"):
        data = prepared(write(tmp_path / "t.txt", text), kind)
        bytes_of = data.tokenizer.bytes_of
        found = sum(
            len(bytes_of[token])
            for batch in data.held_out()
            for token in batch["tokens"][:, 1:][batch["mask"]].tolist()
        )
        assert found == data.valid_bytes
        assert data.all_bytes > 8 * data.valid_bytes
