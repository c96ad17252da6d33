"""Encoding in pieces gives what encoding the whole gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.data.text import token_encoder as token_writing
from genctl.data.text.token_encoder import TokenEncoder, dtype_for, parts
from genctl.data.text.tokenizer import Tokenizer

ALPHABET = "ab'st 1\n\r\t\x0b\x1c\x1f\x85\xa0\u200b\u2028\u3000，。春眠é\u0301-_!🙂"
SENTENCE = "it's the cat's mat 12 34 -- 春眠，不觉晓。处处\n"
BPE = Tokenizer.bpe(iter([(SENTENCE + "!\x1c!\x1c -\x85- \u3000春\r\n!!\n") * 30]), 360)

pieces_of_text = st.lists(st.text(st.sampled_from(ALPHABET), max_size=60), max_size=6)


def in_pieces(tokenizer: Tokenizer, pieces: list[str]) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_writing, "_PART", 5)
        patch.setattr(token_writing, "_STRIDE", 3)
        encoder = TokenEncoder(tokenizer)
        found = [encoder.feed(piece) for piece in pieces] + [encoder.finish()]
    tokens: list[int] = np.concatenate(found).tolist()
    return tokens


def like_llama_3() -> Tokenizer:
    """A byte-level BPE that keeps line breaks with the punctuation before them."""
    from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Core

    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
        r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    core = Core(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=360, initial_alphabet=alphabet, show_progress=False)
    core.train_from_iterator([(SENTENCE + "!\n!!\n，春。\n") * 30], trainer)
    return Tokenizer(core)


@given(pieces_of_text)
def test_a_bpe(pieces: list[str]) -> None:
    assert in_pieces(BPE, pieces) == BPE.encode("".join(pieces))


@given(pieces_of_text)
def test_characters_and_bytes(pieces: list[str]) -> None:
    for tokenizer in (Tokenizer.byte(), Tokenizer.char(ALPHABET)):
        assert in_pieces(tokenizer, pieces) == tokenizer.encode("".join(pieces))


LLAMA = like_llama_3()


@given(pieces_of_text)
def test_a_bpe_of_another_pattern(pieces: list[str]) -> None:
    assert (LLAMA.kind, LLAMA.byte_level) == ("file", True)
    assert in_pieces(LLAMA, pieces) == LLAMA.encode("".join(pieces))


def test_every_cut_is_one_that_the_pattern_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over all of Unicode: before white space, and between Chinese punctuation and a letter."""
    from tokenizers import pre_tokenizers

    monkeypatch.setattr(token_writing, "_PART", 1)
    pattern = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    cuts = 0
    for before in "!，":
        for point in (*range(0xD800), *range(0xE000, 0x30000)):
            pair = before + chr(point)
            if len(list(parts(pair))) > 1:
                cuts += 1
                assert len(pattern.pre_tokenize_str(pair)) == 2, repr(pair)
    assert cuts > 1000


def test_a_text_without_a_place_to_cut_waits_for_its_end() -> None:
    encoder = TokenEncoder(BPE)
    assert [len(encoder.feed("a" * 300)) for _ in range(3)] == [0, 0, 0]
    assert encoder.finish().tolist() == BPE.encode("a" * 900)


def test_the_smallest_type_that_holds_every_token() -> None:
    assert dtype_for(1 << 16) == np.uint16
    assert dtype_for((1 << 16) + 1) == np.uint32
