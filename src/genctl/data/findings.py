"""What a check of a data set found: facts and warnings, by subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Section:
    """One subject: what was found, and what to worry about."""

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DataCheck:
    """What a check of a data set found.

    Attributes:
        source: the source as the user named it.
        sections: in reading order.
        unusable: why training on this is impossible; empty where it is possible.
        preview: the image that was written, if one was.
        kind: the kind of the data.
    """

    source: str
    sections: Sequence[Section]
    unusable: str = ""
    preview: Path | None = None
    kind: str = ""

    @property
    def warnings(self) -> int:
        """The number of warnings in all sections."""
        return sum(len(section.warnings) for section in self.sections)
