"""Tokenizers: characters, bytes, or a byte-level BPE, each a ``tokenizer.json`` others read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from genctl.errors import ExitStatus, GenctlError

END = "<|endoftext|>"
"""The text of the token that ends a document, as in GPT-2."""

KINDS = ("char", "byte", "bpe")
FOLDER = "tokenizer"
_JSON, _CONFIG = f"{FOLDER}/tokenizer.json", f"{FOLDER}/tokenizer_config.json"


class Tokenizer:
    """Text to numbers and back.

    Args:
        core: a ``tokenizers.Tokenizer``.

    Attributes:
        vocab_size: how many tokens there are.
        end: the token that ends a document; None without one.
        byte_level: whether tokens stand for bytes, so that any text can be encoded.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self._core.encode_special_tokens = True  # text that spells a special token is text
        self.vocab_size: int = core.get_vocab_size()
        self.end: int | None = core.token_to_id(END)
        document = json.loads(core.to_str())
        self.byte_level = "ByteLevel" in json.dumps(document["decoder"])
        self.kind: str = _kind(document)

    @classmethod
    def char(cls, alphabet: Iterable[str]) -> Self:
        """One token a character, in the order of code points."""
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

        vocabulary = {character: number for number, character in enumerate(sorted(set(alphabet)))}
        vocabulary[END] = len(vocabulary)
        core = Tokenizer(models.WordLevel(vocabulary, unk_token=END))
        core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        core.decoder = decoders.Fuse()
        core.add_special_tokens([END])
        return cls(core)

    @classmethod
    def byte(cls) -> Self:
        """One token a byte: token b is byte b."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        vocabulary = {symbol: number for number, symbol in enumerate(_symbols())}
        vocabulary[END] = 256
        core = Tokenizer(models.BPE(vocabulary, []))
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        core.decoder = decoders.ByteLevel()
        core.add_special_tokens([END])
        return cls(core)

    @classmethod
    def bpe(cls, texts: Iterator[str], vocab_size: int) -> Self:
        """A byte-level BPE on ``texts``, with GPT-2's split pattern (Radford et al. 2019)."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        core.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        core.train_from_iterator(texts, trainer)
        return cls(core)

    @classmethod
    def from_path(cls, path: Path) -> Self:
        """A ``tokenizer.json`` of anyone's.

        Raises:
            GenctlError: (USAGE) no such file, or no tokenizer.
        """
        if not path.is_file():
            raise GenctlError(
                ExitStatus.USAGE,
                f"no tokenizer at {path}",
                hint=f"--tokenizer {'|'.join(KINDS)}, or the path of a tokenizer.json",
            )
        return cls._parsed(path.read_bytes(), str(path), ExitStatus.USAGE)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The tokenizer that `files` gave.

        Raises:
            GenctlError: (DATA) they hold none.
        """
        if _JSON not in files:
            raise GenctlError(ExitStatus.DATA, f"the model has no {_JSON}")
        return cls._parsed(files[_JSON], _JSON, ExitStatus.DATA)

    @classmethod
    def _parsed(cls, content: bytes, name: str, code: ExitStatus) -> Self:
        from tokenizers import Tokenizer

        try:
            return cls(Tokenizer.from_str(content.decode()))
        except Exception as error:  # the library has no class for what it raises
            reason = " ".join(str(error).split())
            raise GenctlError(code, f"{name} is not a tokenizer: {reason}") from error

    def files(self) -> dict[str, bytes]:
        """Relative path -> content: what transformers' ``AutoTokenizer`` loads."""
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": None,
            "eos_token": None if self.end is None else END,
            "pad_token": None,
            "unk_token": None,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 10**9,
        }
        config = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
        return {_JSON: self._core.to_str(pretty=True).encode(), _CONFIG: config.encode()}

    def encode(self, text: str) -> list[int]:
        """The tokens of ``text``; none of them is special.

        Raises:
            GenctlError: (USAGE) a character that the tokenizer does not know.
        """
        tokens: list[int] = self._core.encode(text, add_special_tokens=False).ids
        if self.kind == "char" and self.end in tokens:
            self._refuse_unknown(text)
        return tokens

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once, without a look at unknown characters."""
        found = self._core.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of ``tokens``; special ones are left out, broken UTF-8 becomes U+FFFD."""
        return b"".join(self.bytes_of[token] for token in tokens).decode("utf-8", "replace")

    @cached_property
    def bytes_of(self) -> list[bytes]:
        """The bytes that each token stands for; none for special ones."""
        special = {int(k) for k, t in self._core.get_added_tokens_decoder().items() if t.special}
        names = [self._core.id_to_token(token) or "" for token in range(self.vocab_size)]
        if self.byte_level:
            byte = {symbol: bytes([number]) for number, symbol in enumerate(_symbols())}
            found = [b"".join(byte.get(c, c.encode()) for c in name) for name in names]
        elif self.kind == "char":
            found = [name.encode() for name in names]
        else:
            found = [self._core.decode([token]).encode() for token in range(self.vocab_size)]
        return [b"" if token in special else text for token, text in enumerate(found)]

    @property
    def alphabet(self) -> dict[str, int]:
        """Of ``char``: character -> token."""
        return {c: k for c, k in self._core.get_vocab(with_added_tokens=False).items() if c != END}

    def _refuse_unknown(self, text: str) -> None:
        known = self.alphabet
        unknown = next(character for character in text if character not in known)
        raise GenctlError(
            ExitStatus.USAGE,
            f"the model does not know the character {unknown!r} (U+{ord(unknown):04X}): its text "
            f"had {len(known)} others",
            hint="leave it out, or train with --tokenizer byte or bpe, which know all",
        )


def _kind(document: Mapping[str, Any]) -> str:
    """What a ``tokenizer.json`` is, as far as genctl makes such ones."""
    model, pre = document["model"], json.dumps(document["pre_tokenizer"] or {})
    if model["type"] == "WordLevel" and "[\\\\s\\\\S]" in pre:
        return "char"
    if model["type"] == "BPE" and "ByteLevel" in pre:
        return "bpe" if model["merges"] else "byte"
    return "file"


def _symbols() -> list[str]:
    """The printable stand-in of each byte in byte-level tokenizers (Radford et al. 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
