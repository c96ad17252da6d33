"""What a language model wrote, and how it is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory, write_atomic

SUFFIXES = (".txt", ".jsonl")
RULE = f"\n{'-' * 40}\n"
"""Between texts that are shown one after another."""


@dataclass(frozen=True)
class TextSample:
    """One sample of text.

    Attributes:
        prompt: what it goes on with.
        text: what was written, without the prompt.
        tokens: how many were written.
        finished: why it ends: ``length``, ``stop``, ``end`` or ``context``.
    """

    prompt: str
    text: str
    tokens: int
    finished: str

    def __str__(self) -> str:
        return self.prompt + self.text


@dataclass(frozen=True)
class TextSamples:
    """Samples of text in order: sample k depends on the seed, k and its prompt alone."""

    samples: Sequence[TextSample]

    def __len__(self) -> int:
        return len(self.samples)

    def __str__(self) -> str:
        """The texts with their prompts; several are told apart by a line of dashes."""
        return RULE.join(map(str, self.samples))

    def jsonl(self) -> str:
        """One JSON object a line: ``prompt``, ``text``, ``tokens``, ``finished``."""
        lines = (json.dumps(asdict(sample), ensure_ascii=False) for sample in self.samples)
        return "".join(f"{line}\n" for line in lines)

    @property
    def tokens(self) -> int:
        """How many were written in all."""
        return sum(sample.tokens for sample in self.samples)

    def to_json(self) -> dict[str, Any]:
        """The texts."""
        return {"samples": [asdict(sample) for sample in self.samples]}

    def save(self, out: str | Path) -> Path:
        """Write to ``out``: ``.txt`` to be read, ``.jsonl`` to be processed.

        Raises:
            GenctlError: as `check_place`, or the place is not writable.
        """
        out = Path(out)
        check_place(out, len(self))
        make_directory(out.parent)
        write_atomic(out, self.jsonl() if out.suffix == ".jsonl" else f"{self}\n")
        return out


def check_place(out: Path, count: int) -> None:
    """Refuse a place where texts cannot be kept, before they are written.

    Raises:
        GenctlError: a suffix that means nothing, or a folder.
    """
    if out.suffix in SUFFIXES and not out.is_dir():
        return
    raise GenctlError(
        ExitStatus.USAGE,
        f"cannot save text as {str(out)!r}; use .txt or .jsonl",
        option="out",
        suggest=str(out.with_suffix(".txt")),
    )
