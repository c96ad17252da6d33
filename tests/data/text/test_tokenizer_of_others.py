"""A ``tokenizer.json`` that genctl did not make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Core

from genctl.data.text.tokenizer import Tokenizer

WORDS = {"▁the": 0, "▁cat": 1, "s": 2, "?": 3, "<0xE6>": 4, "<0x98>": 5, "<0xA5>": 6}


def words(vocabulary: dict[str, int] = WORDS) -> Any:
    core = Core(models.WordLevel(vocabulary, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return core


def saved(core: Any, folder: Path, config: object = None) -> Tokenizer:
    core.save(str(folder / "tokenizer.json"))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return Tokenizer.from_path(folder / "tokenizer.json")


def test_words_keep_the_spaces_between_them(tmp_path: Path) -> None:
    found = saved(words(), tmp_path)
    tokens = found.encode("the cat the")
    assert (found.kind, found.byte_level, tokens) == ("file", False, [0, 1, 0])
    assert found.decode(tokens) == "the cat the"
    assert b"".join(found.bytes_of[token] for token in tokens) == b" the cat the"
    assert found.decode([4, 6]) == "\ufffd\ufffd"
    assert b"".join(found.bytes_of[4:7]) == b"\xe6\x98\xa5"
    assert found.decode([4, 5, 6]) == "春"


def test_word_pieces_join(tmp_path: Path) -> None:
    core = Core(models.WordPiece({"cat": 0, "##s": 1, "春": 2, "[UNK]": 3}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.decoder = decoders.WordPiece()
    found = saved(core, tmp_path)
    assert found.bytes_of[:3] == [b" cat", b"s", " 春".encode()]
    assert found.decode(found.encode("cats 春")) == "cats 春"


def test_it_neither_cuts_nor_fills_up(tmp_path: Path) -> None:
    core = words()
    core.enable_truncation(4)
    core.enable_padding(length=8)
    found = saved(core, tmp_path)
    assert found.encode(" ".join(["the cat"] * 10)) == [0, 1] * 10
    assert found.encode_batch(["the", "the cat"]) == [[0], [0, 1]]


def test_numbers_with_gaps_fit_the_vocabulary(tmp_path: Path) -> None:
    found = saved(words({"▁the": 0, "?": 9}), tmp_path)
    assert found.vocab_size == len(found.bytes_of) == 10
    assert found.bytes_of[4] == b""


@pytest.mark.parametrize("end", ["<|endoftext|>", "</s>", "<eos>", "<|im_end|>"])
def test_the_token_that_ends_a_document(end: str, tmp_path: Path) -> None:
    core = words()
    assert saved(core, tmp_path).end is None
    core.add_special_tokens([end])
    found = saved(core, tmp_path)
    assert found.end == len(WORDS)
    again = Tokenizer.from_files(found.files())
    assert again.end == found.end
    config = json.loads(found.files()["tokenizer/tokenizer_config.json"])
    assert config["eos_token"] == end


@pytest.mark.parametrize("named", ["[完]", {"content": "[完]", "lstrip": False}])
def test_the_end_that_a_file_beside_it_names(named: object, tmp_path: Path) -> None:
    core = words()
    core.add_special_tokens(["</s>", "[完]"])
    found = saved(core, tmp_path, {"eos_token": named})
    assert found.end == len(WORDS) + 1
    assert Tokenizer.from_files(found.files()).end == found.end


def test_an_added_token_that_is_text_has_bytes(tmp_path: Path) -> None:
    core = Core.from_str(Tokenizer.byte().files()["tokenizer/tokenizer.json"].decode())
    core.add_tokens([AddedToken("é春", special=False)])
    found = saved(core, tmp_path)
    assert (found.kind, found.byte_level) == ("file", True)
    assert found.decode(found.encode("aé春b")) == "aé春b"
    assert found.bytes_of[257] == "é春".encode()
    assert len(found.encode("aé春b")) == 3
