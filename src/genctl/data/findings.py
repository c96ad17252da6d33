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
    """What a look at images or texts found.

    Attributes:
        source: as it was named.
        sections: in the order in which they are read.
        unusable: why nothing can be trained on this; empty where something can.
        preview: the image that was written, if one was.
        kind: of the data.
    """

    source: str
    sections: Sequence[Section]
    unusable: str = ""
    preview: Path | None = None
    kind: str = ""

    @property
    def warnings(self) -> int:
        """How many there are in all sections."""
        return sum(len(section.warnings) for section in self.sections)
