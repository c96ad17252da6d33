"""Check the language of the Markdown: line length, one sentence a line, and words to avoid.

    python tools/lint_docs.py                 # all tracked Markdown and the cells of notebooks
    python tools/lint_docs.py docs/gan.md     # some files
    python tools/lint_docs.py --source        # also the string literals of src/genctl

Every finding is one line ``PATH:LINE: what is wrong``. The status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIDTH = 100

PHRASES = {
    r"anew|afresh": "again, or name the action: regenerate, start a new run",
    r"(stands?|stood|standing) at": "scores, reaches, is",
    r"left out[:;,]": "default:",
    r"(makes?|made|making) (images?|texts?|samples?)": "generate",
    r"(?<!there )\bis no (?!longer|more)": "is not a",
    r"pictures?": "image",
    r"so many": "give the number",
    r"(unless|is|was|are) told\b": "by default, unless you set",
    r"by (itself|themselves)": "automatically, alone",
    r"for want of": "without",
    r"(takes?|two|twenty) looks|looks? at a step": "evaluations",
    r"again and again|once more": "repeatedly, again",
    r"(comes?|came|coming) about": "is generated",
    r"(goes|go|going|went) on (with|from|where)": "continue, resume",
    r"whose way of": "name the method",
    r"after the manner of": "as in",
    r"nobody": "not tested, no one",
    r"mend(s|ed|ing)?": "fix",
    r"sittings?": "session, run",
    r"of yours": "your own",
    r"the way from": "interpolate from",
    r"asks? of": "require",
    r", else\b": "otherwise",
    r"besides itself": "self-contained",
    r"passed over": "skipped",
    r"(draws?|drawn|drew|drawing) (\w+ )?(digits?|images?)": "generate",
    r"one an? (?!(time|page|hundred)\b)": "one per",
    r"contenders?": "competitor, other program",
    r"at hand": "available",
    r"(gets?|bears?|bearing) (its|their|the) names?": "is saved",
    r"unasked": "unless you ask",
}
"""Phrases of a manner that readers stumbled over, each with what to write."""

SOURCE_PHRASES = PHRASES | {
    r"^Of (a|an|the|text|images?)\b": "name the subject first",
    r"(draws?|drawn|drew) (the )?(samples|grid)": "generate",
    r"no way to": "cannot",
    r"no place for": "cannot",
    r"holds? no\b": "is not, has no",
    r"as .{1,30} wants? it": "say which form",
    r"Nobody is here": "use --yes",
    r"Which\.$": "name the argument",
}
"""The same for help texts, errors and docstrings, where a few more turned up."""

ABBREVIATIONS = ("e.g.", "i.e.", "et al.", "cf.", "vs.", "approx.", "Fig.", "No.", "St.")
_END = re.compile(r"[.!?][)\"'*_”’]*\s+(?=[*_\"'(\[“]*[A-Z`])")
_INITIAL = re.compile(r"\b[A-Z]\.$")
_NUMBERED = re.compile(r"^\s*(#+ )?\d+\.$")
_FENCE = re.compile(r"^\s*(```+|~~~+)")


@dataclass(frozen=True)
class Finding:
    """One fault of a file.

    Attributes:
        path: the file, relative to the root.
        line: its line, from 1 on.
        message: what is wrong.
    """

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def columns(line: str) -> int:
    """The width of a line in a terminal: wide characters, as Chinese ones, count twice."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def lint_text(path: str, text: str, *, chinese: bool = False) -> Iterator[Finding]:
    """The findings in one Markdown document.

    Args:
        path: the name for the findings.
        text: the document.
        chinese: check the length of lines only, in characters: a break inside a Chinese
            paragraph is rendered as a space.
    """
    for number, line in _prose(text):
        is_table = line.lstrip().startswith("|")
        shown = _without_targets(line)
        width = len(shown) if chinese else columns(shown)
        if width > WIDTH and not is_table and not _unbreakable(line):
            yield Finding(path, number, f"{width} columns, at most {WIDTH}")
        if chinese:
            continue
        bare = _without_code(line)
        if not is_table and (second := second_sentence(bare)):
            yield Finding(path, number, f"a second sentence in the line: {second}")
        for found, better in avoided(bare, PHRASES):
            yield Finding(path, number, f"{found!r}: write {better}")


def second_sentence(line: str) -> str:
    """The beginning of the second sentence of a line; empty if there is only one."""
    for match in _END.finditer(line):
        before = line[: match.start() + 1]
        if before.endswith(ABBREVIATIONS) or _INITIAL.search(before) or _NUMBERED.match(before):
            continue
        return line[match.end() :][:30]
    return ""


def avoided(text: str, phrases: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each phrase of a text that should not be there, and what to write."""
    for pattern, better in phrases.items():
        bounded = pattern if pattern.startswith((",", "^", "(?<")) else rf"\b(?:{pattern})"
        end = r"\b" if pattern[-1].isalnum() or pattern[-1] in ")?" else ""
        if match := re.search(bounded + end, text, re.IGNORECASE):
            yield match[0].strip(), better


def lint_source(path: str, text: str) -> Iterator[Finding]:
    """The findings in the string literals of a Python module, docstrings included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            for offset, line in enumerate(node.value.splitlines()):
                for found, better in avoided(_without_code(line), SOURCE_PHRASES):
                    yield Finding(path, node.lineno + offset, f"{found!r}: write {better}")


def lint_notebook(path: str, text: str) -> Iterator[Finding]:
    """The findings in the Markdown cells of a notebook; lines count from the cell's first."""
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "markdown":
            yield from lint_text(path, "".join(cell["source"]))


def lint_file(path: Path) -> Iterator[Finding]:
    """The findings in one file: Markdown, a notebook or a Python module."""
    name = path.resolve().relative_to(ROOT.resolve()).as_posix()
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        yield from lint_notebook(name, text)
    elif path.suffix == ".py":
        yield from lint_source(name, text)
    else:
        yield from lint_text(name, text, chinese=".zh" in path.name)


def tracked(*patterns: str) -> list[Path]:
    """The files that git tracks, or would, and that exist.

    Raises:
        subprocess.CalledProcessError: the project is not a git checkout.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = sorted({ROOT / name for name in listed.split("\0") if name})
    return [path for path in found if path.is_file()]


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines outside code fences."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        elif not fence:
            yield number, line


def _unbreakable(line: str) -> bool:
    return "://" in line or "![" in line


def _without_targets(line: str) -> str:
    """The line without the targets of its links, which cannot be broken."""
    return re.sub(r"\]\([^)]*\)", "]", line)


def _without_code(line: str) -> str:
    """The line with code spans emptied and the targets of links removed."""
    return _without_targets(re.sub(r"(`+).+?\1", "``", line))


def main(arguments: Sequence[str]) -> int:
    """Print the findings; 1 if there is one, else 0."""
    parser = argparse.ArgumentParser(description="Check the language of the documentation.")
    parser.add_argument(
        "files", nargs="*", type=Path, help="default: all tracked Markdown outside of src/"
    )
    parser.add_argument("--source", action="store_true", help="also check src/genctl")
    given = parser.parse_args(arguments)
    files: Iterable[Path] = given.files or tracked("*.md", "*.ipynb", ":!tests/compat")
    if given.source:
        files = [*files, *tracked("src/genctl/*.py")]
    findings = [finding for path in files for finding in lint_file(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
