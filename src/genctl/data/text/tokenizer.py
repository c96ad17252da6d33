"""Tokenizers: characters, bytes, or a byte-level BPE, each a standard ``tokenizer.json``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from genctl import documents
from genctl.contracts import TOKENIZER
from genctl.data.text.token_bytes import byte_symbols, is_byte_level, kind_of, table_of_bytes
from genctl.errors import ExitStatus, GenctlError

END = "<|endoftext|>"
"""The text of the token that ends a document, as in GPT-2."""

KINDS = ("char", "byte", "bpe")
OTHER_ENDS = ("<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<|im_end|>")
"""Texts of that token in other tokenizers, if no file beside them names it."""


_CONFIG = "tokenizer/tokenizer_config.json"


class Tokenizer:
    """Converts text to numbers and back.

    Args:
        core: a ``tokenizers.Tokenizer``.
        end: the text of the token that ends a document; detected when None.

    Attributes:
        kind: ``char``, ``byte`` or ``bpe``; ``file`` for one that works differently.
        vocab_size: one more than the highest token.
        end: the token that ends a document; None without one.
        byte_level: whether tokens stand for bytes, so that any text can be encoded.
    """

    def __init__(self, core: Any, end: str | None = None) -> None:
        core.no_truncation()
        core.no_padding()
        self._core = core
        self._document = json.loads(core.to_str())
        core.encode_special_tokens = True  # text that spells a special token is text
        self.kind: str = kind_of(self._document)
        self.byte_level = is_byte_level(self._document)
        self.vocab_size: int = 1 + max(core.get_vocab().values())
        candidates = (end,) if end else (END, *OTHER_ENDS)
        self._end_text = next((text for text in candidates if self._has(text)), None)
        self.end: int | None = None if self._end_text is None else core.token_to_id(self._end_text)

    @classmethod
    def char(cls, alphabet: Iterable[str]) -> Self:
        """One token per character, in the order of code points."""
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
        """One token per byte: token b is byte b."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        vocabulary = {symbol: number for number, symbol in enumerate(byte_symbols())}
        vocabulary[END] = 256
        core = Tokenizer(models.BPE(vocabulary, []))
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        core.decoder = decoders.ByteLevel()
        core.add_special_tokens([END])
        return cls(core)

    @classmethod
    def bpe(cls, texts: Iterator[str], vocab_size: int) -> Self:
        """Train a byte-level BPE on ``texts``, with GPT-2's split pattern (Radford et al. 2019)."""
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
        """A tokenizer from any ``tokenizer.json``.

        Raises:
            GenctlError: (USAGE) no such file, or not a tokenizer.
        """
        if not path.is_file():
            raise GenctlError(
                ExitStatus.USAGE,
                f"no tokenizer at {path}",
                hint="name the path of a tokenizer.json",
                option="data.tokenizer",
                suggest=KINDS,
            )
        beside = path.with_name(_CONFIG.rpartition("/")[2])
        try:
            content = path.read_bytes()
            config = beside.read_bytes() if beside.is_file() else b"{}"
        except OSError as error:
            raise GenctlError(
                ExitStatus.USAGE,
                f"cannot read {error.filename}: {error.strerror}",
                option="data.tokenizer",
            ) from None
        return cls._parsed(content, config, str(path), ExitStatus.USAGE)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The tokenizer from the output of `files`.

        Raises:
            GenctlError: (DATA) there is no tokenizer in ``files``.
        """
        if TOKENIZER not in files:
            raise GenctlError(ExitStatus.DATA, f"the model has no {TOKENIZER}")
        return cls._parsed(files[TOKENIZER], files.get(_CONFIG, b"{}"), TOKENIZER, ExitStatus.DATA)

    @classmethod
    def _parsed(cls, content: bytes, config: bytes, name: str, code: ExitStatus) -> Self:
        from tokenizers import Tokenizer

        try:
            core = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library has no class for what it raises
            raise GenctlError(code, f"{name} is not a tokenizer: {_reason(error)}") from error
        if not core.get_vocab():
            raise GenctlError(code, f"{name} is not a tokenizer: it has no tokens")
        try:
            settings = documents.parse(config)
        except ValueError as error:
            where = _CONFIG.rpartition("/")[2]
            raise GenctlError(code, f"{where} beside {name}: {_reason(error)}") from error
        return cls(core, _end_of(settings))

    def files(self, context: int = 10**9) -> dict[str, bytes]:
        """Relative path -> content, as transformers' ``AutoTokenizer`` loads it.

        Args:
            context: the number of tokens that a model can see; transformers warns of longer texts.
        """
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": None,
            "eos_token": self._end_text,
            "pad_token": None,
            "unk_token": None,
            "clean_up_tokenization_spaces": False,
            "model_max_length": context,
        }
        config = documents.to_json(settings, indent=2) + "\n"
        return {TOKENIZER: self._core.to_str(pretty=True).encode(), _CONFIG: config.encode()}

    def encode(self, text: str) -> list[int]:
        """The tokens of ``text``; none of them is special.

        Raises:
            GenctlError: (USAGE) a character that is not in the vocabulary; (DATA) a file whose
                parts contradict each other.
        """
        with _fits():
            tokens: list[int] = self._core.encode(text, add_special_tokens=False).ids
        if self.kind == "char" and (len(tokens) < len(text) or self.end in tokens):
            self._refuse_unknown(text)
        return tokens

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once, without a check for unknown characters."""
        with _fits():
            found = self._core.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of ``tokens``; special ones are dropped, broken UTF-8 becomes U+FFFD."""
        if self.kind == "file" and not self.byte_level:
            with _fits():
                text: str = self._core.decode(list(tokens))
            return text
        return b"".join(self.bytes_of[token] for token in tokens).decode("utf-8", "replace")

    @cached_property
    def bytes_of(self) -> list[bytes]:
        """The bytes that each token stands for; empty for special ones."""
        return table_of_bytes(self._core, self._document)

    @property
    def alphabet(self) -> dict[str, int]:
        """The alphabet of ``char``: character -> token."""
        vocabulary = self._core.get_vocab(with_added_tokens=False)
        return {text: token for text, token in vocabulary.items() if len(text) == 1}

    def _refuse_unknown(self, text: str) -> None:
        known = self.alphabet
        for character in text:
            if character not in known:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"the model does not know the character {character!r} "
                    f"(U+{ord(character):04X}): it was trained on {len(known)} others",
                    hint="leave it out; byte and bpe tokenizers handle every character",
                    option="prompts",
                )

    def _has(self, text: str) -> bool:
        return self._core.token_to_id(text) is not None


def for_other_programs(content: bytes) -> bytes:
    """A ``tokenizer.json`` of characters in which an unknown character has no token.

    `Tokenizer.encode` refuses such characters. In other programs they would be the end of a text.
    A BPE without merges has the same tokens for the others, and leaves these out.
    """
    from tokenizers import Tokenizer as Core
    from tokenizers import models

    core = Core.from_str(content.decode())
    document = json.loads(core.to_str())
    if kind_of(document) != "char":
        return content
    core.model = models.BPE(document["model"]["vocab"], [])
    return str(core.to_str(pretty=True)).encode()


@contextlib.contextmanager
def _fits() -> Iterator[None]:
    """Report contradictions in a tokenizer file that the library finds only when it is used."""
    try:
        yield
    except Exception as error:  # the library has no class of its own for errors
        raise GenctlError(
            ExitStatus.DATA, f"the tokenizer does not work: {_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())


def _end_of(settings: object) -> str | None:
    """The token that ends a document, according to a ``tokenizer_config.json``."""
    named = settings.get("eos_token") if isinstance(settings, dict) else None
    found = named.get("content") if isinstance(named, dict) else named
    return found if isinstance(found, str) else None
