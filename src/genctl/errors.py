"""The one exception a user sees, and the exit status each kind of failure has."""

from __future__ import annotations

import difflib
import sys
import unicodedata
from collections.abc import Iterable
from enum import IntEnum

_ESCAPED = {"Cc", "Cs", "Zl", "Zp"}


class ExitStatus(IntEnum):
    """Exit codes of the command line (documented in ``docs/cli.md``)."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    DATA = 3
    OUT_OF_MEMORY = 4
    NON_FINITE = 5
    PROOF_FAILED = 6
    INTERRUPTED = 130
    TERMINATED = 143


class GenctlError(Exception):
    """A failure that one line explains.

    Args:
        code: the exit status of the process.
        message: what is wrong and where, with the nearest valid choice, `escaped`.
        hint: what to type next, `escaped`; may be empty.
    """

    def __init__(self, code: ExitStatus, message: str, *, hint: str = "") -> None:
        self.message = escaped(message)
        super().__init__(self.message)
        self.code = code
        self.hint = escaped(hint)


def escaped(text: str) -> str:
    """``text`` with line ends, control characters and lone surrogates as escapes.

    Names inside of other people's files go into errors and warnings, and must neither break the
    line nor talk to the terminal.
    """
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _ESCAPED else c
        for c in text
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, the processor's or a device's."""
    torch = sys.modules.get("torch")  # where it is not loaded, it cannot have run out
    if isinstance(error, MemoryError):
        return True
    if torch is None or not isinstance(error, RuntimeError):
        return False
    signs = ("you tried to allocate", "MPS backend out of memory")
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in signs)


def nearest(name: str, choices: Iterable[str], n: int = 3) -> list[str]:
    """The up to ``n`` members of ``choices`` that look most like ``name``, best first."""
    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=n, cutoff=0.5)
    return [by_folded[folded] for folded in found]


def unknown(
    kind: str,
    name: str,
    choices: Iterable[str],
    *,
    origin: str = "",
    code: ExitStatus = ExitStatus.USAGE,
    hint: str = "",
) -> GenctlError:
    """The error for a name that is not one of ``choices``: the nearest ones, else all of them.

    Args:
        origin: where the name was written, unless that is plain.
    """
    known = sorted(choices)
    close = nearest(str(name), known)  # Python passes what it is given
    if close:
        remedy = f"did you mean {' or '.join(repr(c) for c in close)}?"
    else:
        remedy = f"choose one of: {', '.join(known) or '(none)'}"
    written = f" (from {origin})" if origin else ""
    return GenctlError(code, f"unknown {kind} {name!r}{written}; {remedy}", hint=hint)
