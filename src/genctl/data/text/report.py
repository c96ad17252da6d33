"""A survey of texts before training: sizes, characters, repeats, and files that cannot be read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from genctl.data.text.files import Document, lines_of
from genctl.data.text.source import TextSource
from genctl.errors import GenctlError

REPLACED = "\ufffd"
"""The character that programs write for one that they could not read."""

LONG_LINE = 20
"""In characters: a repeated line of this length is not a coincidence."""

_MOST_LINES = 1_000_000


@dataclass(frozen=True)
class DocumentFacts:
    """One document.

    Attributes:
        file: the file that contains it.
        place: its number among the documents of the file, from 1; 0 for a single document.
        size: in characters.
        digest: the same for equal texts.
    """

    file: str
    place: int
    size: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.file}, document {self.place}" if self.place else self.file


@dataclass
class TextSurvey:
    """The result of `survey_texts`.

    Attributes:
        documents: of all files, in order.
        unreadable: file -> the error.
        characters: of all texts -> how often.
        windows: files with a Windows line end.
        replaced: file -> number of `REPLACED` in it.
        lines: the number of lines.
        longest: length of the longest line, in characters.
        repeated: long line -> number of occurrences, for those that occur several times.
    """

    documents: list[DocumentFacts] = field(default_factory=list)
    unreadable: dict[str, GenctlError] = field(default_factory=dict)
    characters: Counter[str] = field(default_factory=Counter)
    windows: list[str] = field(default_factory=list)
    replaced: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    longest: int = 0
    repeated: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """The number of characters in all documents."""
        return sum(document.size for document in self.documents)

    def copies(self) -> list[tuple[DocumentFacts, DocumentFacts]]:
        """Documents that equal an earlier one, each with the first equal one."""
        first: dict[bytes, DocumentFacts] = {}
        found = [(one, first.setdefault(one.digest, one)) for one in self.documents]
        return [(one, equal) for one, equal in found if one is not equal]


def survey_texts(source: TextSource) -> TextSurvey:
    """Read all of ``source`` once; a file that cannot be read is recorded and skipped."""
    found = TextSurvey()
    known: set[int] = set()
    for name, documents in source.files.items():
        seen = _File(name, known)
        try:
            for document in documents():
                seen.read(document)
        except GenctlError as error:
            found.unreadable[name] = error
        else:
            seen.add_to(found)
    return found


@dataclass
class _File:
    """Facts about one file, kept apart until all of it has been read."""

    name: str
    known: set[int]
    documents: list[DocumentFacts] = field(default_factory=list)
    characters: Counter[str] = field(default_factory=Counter)
    windows: bool = False
    lines: int = 0
    longest: int = 0
    repeated: Counter[str] = field(default_factory=Counter)

    def read(self, document: Document) -> None:
        digest, size = hashlib.sha256(), 0

        def seen() -> Iterator[str]:
            nonlocal size
            for piece in document:
                digest.update(piece.encode())
                size += len(piece)
                self.characters.update(piece)
                yield piece

        for line in lines_of(seen()):
            self._look(line)
        place = len(self.documents) + 1
        self.documents.append(DocumentFacts(self.name, place, size, digest.digest()))

    def _look(self, line: str) -> None:
        self.lines += 1
        self.windows = self.windows or line.endswith("\r")
        text = line.strip()
        self.longest = max(self.longest, len(text))
        if len(text) < LONG_LINE or not any(map(str.isalpha, text)):
            return
        if (key := hash(text)) in self.known:
            self.repeated[text] += 1
        elif len(self.known) < _MOST_LINES:
            self.known.add(key)

    def add_to(self, whole: TextSurvey) -> None:
        if len(self.documents) == 1:
            self.documents = [replace(self.documents[0], place=0)]
        whole.documents += self.documents
        whole.characters.update(self.characters)
        if self.windows:
            whole.windows.append(self.name)
        if lost := self.characters[REPLACED]:
            whole.replaced[self.name] = lost
        whole.lines += self.lines
        whole.longest = max(whole.longest, self.longest)
        whole.repeated.update(self.repeated)
