"""What checking, cleaning and labelling a data set found and did, for all kinds of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genctl.wording import some_of

_KINDS = 8
"""The number of kinds of files that are named at most."""


def left_out(kinds: Mapping[str, int], unreadable: Sequence[str], read: int | None) -> str:
    """What is not read of some files, in one line; empty if all of them are.

    Args:
        kinds: kind -> number of files.
        unreadable: examples that cannot be read, as ``path: reason``.
        read: the number of files that are read, if that is known.
    """
    counted = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    named = [f"{count:,} {kind}" for kind, count in counted]
    if unreadable:
        named.insert(0, f"{len(unreadable):,} unreadable ({some_of(unreadable)})")
    if not named:
        return ""
    gone = sum(kinds.values()) + len(unreadable)
    more = [f"{len(named) - _KINDS} more kinds"] if len(named) > _KINDS else []
    total = "" if read is None else f" of {gone + read:,}"
    return f"left out {gone:,}{total} files: {', '.join(named[:_KINDS] + more)}"


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


@dataclass(frozen=True)
class Cleaned:
    """What cleaning did.

    Attributes:
        out: the new folder.
        kept: the number of examples in it.
        dropped: path -> why it is not in it.
        changed: path -> what was done to it besides writing it in the format of the copy.
        notes: what of the source is not read, and other doubts, one line each.
    """

    out: Path
    kept: int
    dropped: Mapping[str, str]
    changed: Mapping[str, str]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Labelled:
    """What labelling wrote.

    Attributes:
        path: the file.
        counts: class -> number of its examples.
        unlabelled: files that got no label.
    """

    path: Path
    counts: Mapping[str, int]
    unlabelled: tuple[str, ...] = ()
