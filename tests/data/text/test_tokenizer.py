"""Tokenizers: round trips, what they refuse, and that transformers reads them alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.text.tokenizer import END, Tokenizer
from genctl.errors import ExitStatus, GenctlError

ALPHABET = "ab c\n\t\r春眠é\u0301🙂<|>endoftx"
BYTE = Tokenizer.byte()
BPE = Tokenizer.bpe(iter(["the cat sat on the mat. 春眠不觉晓\n" * 50]), 320)
CHAR = Tokenizer.char(ALPHABET)
ALL = [CHAR, BYTE, BPE]

any_text = st.text(st.characters(exclude_categories=["Cs"]))


@given(any_text)
def test_bytes_and_bpe_give_any_text_back(text: str) -> None:
    for tokenizer in (BYTE, BPE):
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == text
        assert b"".join(tokenizer.bytes_of[token] for token in tokens) == text.encode()


@given(st.text(st.sampled_from(ALPHABET)))
def test_characters_give_their_alphabet_back(text: str) -> None:
    tokens = CHAR.encode(text)
    assert len(tokens) == len(text)
    assert CHAR.decode(tokens) == text


@pytest.mark.parametrize("tokenizer", ALL, ids=lambda t: t.kind)
def test_a_spelt_special_token_is_text(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(f"a{END}b")
    assert tokenizer.end is not None
    assert tokenizer.end not in tokens
    assert tokenizer.decode(tokens) == f"a{END}b"
    assert tokenizer.decode([tokenizer.end]) == ""
    assert tokenizer.encode_batch([f"a{END}b", ""]) == [tokens, []]


def test_a_byte_is_its_own_token() -> None:
    assert BYTE.encode("é!") == list("é!".encode())
    assert (BYTE.vocab_size, BYTE.end) == (257, 256)
    assert BYTE.decode([0xE6, 0x98]) == "\ufffd"


def test_bpe_learns_and_is_the_same_again() -> None:
    again = Tokenizer.bpe(iter(["the cat sat on the mat. 春眠不觉晓\n" * 50]), 320)
    assert again.files() == BPE.files()
    assert len(BPE.encode("the cat sat")) < 6
    assert len(BPE.encode("春眠")) < 6
    assert BPE.vocab_size <= 320


def test_an_unknown_character_is_named() -> None:
    with pytest.raises(GenctlError, match=r"'猫' \(U\+732B\)") as refused:
        CHAR.encode("a猫")
    assert refused.value.code == ExitStatus.USAGE


@pytest.mark.parametrize("tokenizer", ALL, ids=lambda t: t.kind)
def test_files_bring_it_back(tokenizer: Tokenizer, tmp_path: Path) -> None:
    again = Tokenizer.from_files(tokenizer.files())
    assert (again.kind, again.vocab_size, again.end) == (
        tokenizer.kind, tokenizer.vocab_size, tokenizer.end,
    )  # fmt: skip
    assert again.files() == tokenizer.files()
    assert again.bytes_of == tokenizer.bytes_of
    path = tmp_path / "词表" / "tokenizer.json"
    path.parent.mkdir()
    path.write_bytes(tokenizer.files()["tokenizer/tokenizer.json"])
    assert Tokenizer.from_path(path).encode("a b") == tokenizer.encode("a b")


def test_a_tokenizer_whose_parts_contradict_each_other() -> None:
    files = Tokenizer.char("abc").files()
    document = json.loads(files["tokenizer/tokenizer.json"])
    document["model"]["unk_token"] = "gone"
    files["tokenizer/tokenizer.json"] = json.dumps(document).encode()
    tokenizer = Tokenizer.from_files(files)
    assert tokenizer.encode("abc") == [0, 1, 2]
    for work in (lambda: tokenizer.encode("猫"), lambda: tokenizer.encode_batch(["猫"])):
        with pytest.raises(GenctlError, match=r"the tokenizer does not work: .*UNK") as refused:
            work()
        assert refused.value.code == ExitStatus.DATA


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff\xfe", b'{"model": {}}'])
def test_what_is_no_tokenizer(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(GenctlError, match="is not a tokenizer") as refused:
        Tokenizer.from_path(path)
    assert refused.value.code == ExitStatus.USAGE
    assert "\n" not in refused.value.message
    with pytest.raises(GenctlError, match="no tokenizer at"):
        Tokenizer.from_path(tmp_path / "nowhere.json")


@pytest.mark.oracle
@pytest.mark.parametrize("tokenizer", ALL, ids=lambda t: t.kind)
def test_transformers_reads_it_alike(tokenizer: Tokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    for name, content in tokenizer.files().items():
        (tmp_path / Path(name).name).write_bytes(content)
    peer = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("ab c\n\n春眠\té", "  a  ", "\r\n", "a", "<|endo"):
        ids = peer(text, add_special_tokens=False)["input_ids"]
        assert ids == tokenizer.encode(text)
        assert peer.decode(ids) == text
    assert peer.eos_token_id == tokenizer.end
    assert peer.bos_token_id is None
    assert peer.pad_token_id is None
    assert len(peer) == tokenizer.vocab_size
