"""A check of texts before a model is trained on them."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from pathlib import Path

from genctl.data.findings import DataCheck, Section
from genctl.data.text.characters import UTF8, EncodingError, readings
from genctl.data.text.options import ENCODINGS
from genctl.data.text.report import REPLACED, TextSurvey, survey_texts
from genctl.data.text.source import TextSource, open_text
from genctl.data.text.token_cache import TextStats
from genctl.errors import unknown
from genctl.wording import some_of

FEW = 100_000
MUCH_REPEATED = 0.05
SHOWN = 40
LEAST_SHARE = 0.005
_USUAL_CONTROLS = "\t\n\r\f"
_KINDS = {"N": "digits", "P": "punctuation", "S": "symbols", "Z": "spaces", "C": "spaces"}


def check_texts(source: str, encoding: str | None = None) -> DataCheck:
    """Read every text that ``source`` names.

    Args:
        source: a text file, ``.jsonl``, one of these packed, a folder, or ``pydoc``.
        encoding: the encoding of texts that have no byte-order mark and are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source, or no text in it; (USAGE) an unknown encoding.
    """
    encoding = encoding or UTF8
    if encoding not in ENCODINGS:
        raise unknown("encoding", encoding, ENCODINGS, option="encoding")
    texts = open_text(source, encoding)
    found = survey_texts(texts)
    sections = [_files(texts, found), _encodings(found)]
    if found.documents:
        sections += [_characters(found), _repeats(found), _held_out(found)]
    kept = [section for section in sections if section.facts or section.warnings]
    bad = len(found.unreadable)
    return DataCheck(
        source, kept, f"{bad:,} of {len(texts.files):,} texts cannot be read" if bad else ""
    )


def _files(texts: TextSource, found: TextSurvey) -> Section:
    section = Section("Files")
    section.facts["texts"] = f"{len(texts.files):,}"
    section.facts["documents"] = f"{len(found.documents):,}"
    section.facts["characters"] = f"{found.size:,} in {found.lines:,} lines"
    if texts.ignored:
        section.facts["other files"] = f"{texts.ignored:,} binary"
    if found.unreadable:
        named = (error.message for error in found.unreadable.values())
        section.warnings.append(f"{len(found.unreadable):,} cannot be read: {some_of(named)}")
    elif found.size < FEW:
        section.warnings.append(f"fewer than {FEW:,} characters: a model will memorise them")
    return section


def _encodings(found: TextSurvey) -> Section:
    """How the first text that is not UTF-8 begins, in each possible encoding."""
    section = Section("Encodings")
    for name, error in found.unreadable.items():
        possible = readings(Path(name)) if isinstance(error, EncodingError) else {}
        if possible:
            section.facts = {key: " ".join(text.split())[:SHOWN] for key, text in possible.items()}
            section.warnings.append(
                f"{name} may be in one of these encodings: give it here and in training"
            )
            break
    return section


def _characters(found: TextSurvey) -> Section:
    section = Section("Characters")
    counts = found.characters
    once = sum(count == 1 for count in counts.values())
    section.facts["different"] = f"{len(counts):,}, of which {once:,} occur once"
    kinds: Counter[str] = Counter()
    for character, count in counts.items():
        kinds[_kind(character)] += count
    shares = [(kind, count / kinds.total()) for kind, count in kinds.most_common()]
    section.facts["kinds"] = ", ".join(f"{s:.0%} {kind}" for kind, s in shares if s >= LEAST_SHARE)
    section.facts["longest line"] = f"{found.longest:,} characters"
    if found.replaced:
        named = (f"{name} ({count:,})" for name, count in found.replaced.items())
        section.warnings.append(f"replacement characters ({REPLACED}): {some_of(named)}")
    if found.windows:
        section.warnings.append(
            f"Windows line ends, which are learned, too: {some_of(found.windows)}"
        )
    odd = [c for c in counts if unicodedata.category(c) == "Cc" and c not in _USUAL_CONTROLS]
    if odd:
        section.warnings.append(f"control characters: {some_of(map(repr, sorted(odd)))}")
    return section


def _kind(character: str) -> str:
    """The script of a letter, such as Latin or Han; the kind of other characters."""
    kind = unicodedata.category(character)[0]
    if kind not in "LM":
        return _KINDS[kind]
    script = unicodedata.name(character, "other").split()[0].capitalize()
    return "Han" if script == "Cjk" else script


def _repeats(found: TextSurvey) -> Section:
    section = Section("Repeats")
    if copies := found.copies():
        named = (f"{one} = {first}" for one, first in copies)
        section.warnings.append(f"documents that are copies of others: {some_of(named)}")
    again = sum(len(line) * count for line, count in found.repeated.items())
    share = again / max(1, found.size)
    section.facts["lines that came before"] = f"{share:.1%} of the characters"
    if share >= MUCH_REPEATED:
        often = ((line[:SHOWN], n + 1) for line, n in found.repeated.most_common())
        named = (f"{line!r} ({count:,} times)" for line, count in often)
        section.warnings.append(f"repeated lines: {some_of(named)}")
    return section


def _held_out(found: TextSurvey) -> Section:
    section = Section("Held out for scores")
    sizes = [document.size for document in found.documents]
    chosen = TextStats("", sizes).held_out()
    if not chosen:
        section.facts["text"] = "the last tenth"
        return section
    share = sum(itertools.compress(sizes, chosen)) / sum(sizes)
    section.facts["documents"] = (
        f"{sum(chosen):,} of {len(chosen):,}, {share:.0%} of the characters"
    )
    trained = {one.digest: one for one, out in zip(found.documents, chosen, strict=True) if not out}
    held_out = itertools.compress(found.documents, chosen)
    if shared := [one for one in held_out if one.digest in trained]:
        named = (f"{one} = {trained[one.digest]}" for one in shared)
        section.warnings.append(f"documents in both splits: {some_of(named)}")
    return section
