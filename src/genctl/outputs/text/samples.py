"""Generated texts, and how they are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory, write_atomic
from genctl.outputs.text import KIND

RULE = f"\n{'-' * 40}\n"
"""The separator of texts that are shown one after another; in a file it ends each of them."""


@dataclass(frozen=True)
class TextSample:
    """One sample of text.

    Attributes:
        prompt: the prompt that it continues.
        text: the generated text, without the prompt.
        tokens: the number of generated tokens.
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
        """The texts with their prompts; a line of dashes separates them."""
        return RULE.join(map(str, self.samples))

    def jsonl(self) -> str:
        """One JSON object per line: ``prompt``, ``text``, ``tokens``, ``finished``."""
        lines = (documents.to_json(asdict(sample)) for sample in self.samples)
        return "".join(f"{line}\n" for line in lines)

    @property
    def tokens(self) -> int:
        """The number of generated tokens in all samples."""
        return sum(sample.tokens for sample in self.samples)

    def to_json(self) -> dict[str, Any]:
        """The texts."""
        return {"samples": [asdict(sample) for sample in self.samples]}

    def save(self, out: str | Path) -> Path:
        """Write to ``out``: ``.txt`` for reading, ``.jsonl`` for processing.

        In a ``.txt``, a line of dashes ends each text.

        Raises:
            GenctlError: as `check_place`, or the place is not writable.
        """
        out = Path(out)
        check_place(out, len(self))
        make_directory(out.parent)
        listed = "".join(f"{sample}{RULE}" for sample in self.samples)
        write_atomic(out, self.jsonl() if out.suffix == ".jsonl" else listed)
        return out


def check_place(out: Path, count: int) -> None:
    """Refuse a place where texts cannot be saved, before they are generated.

    Raises:
        GenctlError: an unknown suffix, or a folder.
    """
    if out.suffix in KIND.suffixes and not out.is_dir():
        return
    raise GenctlError(
        ExitStatus.USAGE,
        f"cannot save text as {str(out)!r}; use {' or '.join(KIND.suffixes)}",
        option="out",
        suggest=str(out.with_suffix(KIND.suffixes[0])),
    )
