"""The options of text data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from annotated_types import Ge

from genctl.config import option

Encoding = Literal[
    "utf-8", "gb18030", "gbk", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1251", "cp1252", "koi8_r"
]
"""The encodings of a text."""

ENCODINGS: tuple[str, ...] = get_args(Encoding)


@dataclass(frozen=True)
class TextData:
    """Where text comes from and how it becomes tokens."""

    source: str = option("pydoc", "pydoc (built in), a text file, .jsonl, .gz, .xz, or a folder")
    encoding: Encoding = option(
        "utf-8", "encoding of texts that have no byte-order mark and are not UTF-8"
    )
    tokenizer: str = option("auto", "auto, char, byte, bpe, or the path of a tokenizer.json")
    vocab_size: Annotated[int, Ge(257)] = option(512, "vocabulary size of a BPE trained here")
    context: Annotated[int, Ge(2)] = option(256, "tokens in a window, all that the model can see")
