"""The one exception a user sees, how it spells options, and the exit status of each failure.

Nothing below the command line knows how an option is typed. An error names options by their names
in the SDK or in the configuration (`opt`), and a `Spelling` writes them: Python's is
here, the command line's is in `genctl.cli.errors`.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

_ESCAPED = {"Cc", "Cs", "Zl", "Zp"}
_OPTION = re.compile(r"\{option:([\w.]+)(?:=([^{}]*))?\}")
_NO_VALUE = object()

FUNCTIONS = {
    "compare": "genctl.compare",
    "data check": "genctl.check",
    "data clean": "genctl.clean",
    "data label": "genctl.label",
    "eval": "genctl.evaluate",
    "export": "genctl.export",
    "report": "genctl.report",
    "stats": "genctl.stats",
    "train": "genctl.train",
}
"""Verb -> the equivalent function; ``sample`` is a method of a loaded model."""


class ExitStatus(IntEnum):
    """Exit codes of the command line (documented in ``docs/commands.md``)."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    DATA = 3
    OUT_OF_MEMORY = 4
    NON_FINITE = 5
    PROOF_FAILED = 6
    INTERRUPTED = 130
    TERMINATED = 143


class Placeholder(str):
    """A value that the reader fills in, such as ``FOLDER``; Python shows it without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Suggestion:
    """A proposed next step.

    Attributes:
        verb: a verb of the command line, e.g. ``"eval"``; empty for the call that failed with other
            options.
        options: name in the SDK, or dotted key of the configuration -> value.
        text: words after the call, such as ``"leaves them out"``.
        args: positional arguments, before the options.
    """

    verb: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    args: tuple[Any, ...] = ()


class Spelling:
    """How options and calls are written; this one is Python's."""

    def name(self, option: str) -> str:
        """The spelling of an option in a sentence."""
        return option.rpartition(".")[2]

    def given(self, option: str, value: object) -> str:
        """The spelling of an option and its value in a sentence."""
        return f"{self.name(option)}={literal(value)}"

    def call(self, suggestion: Suggestion) -> str:
        """The call to type."""
        options = dict(suggestion.options)
        saved = options.pop("out", None) if suggestion.verb == "sample" else None
        args = [literal(arg) for arg in suggestion.args]
        given = [self.given(option, value) for option, value in options.items()]
        if not suggestion.verb:
            return ", ".join(given)
        if suggestion.verb in FUNCTIONS:
            return f"{FUNCTIONS[suggestion.verb]}({', '.join([*args, *given])})"
        if suggestion.verb == "sample":
            call = f"genctl.load({', '.join(args)}).sample({', '.join(given)})"
            return call if saved is None else f"{call}.save({literal(saved)})"
        return " ".join(["genctl", suggestion.verb, *map(str, suggestion.args), "in a shell"])


class GenctlError(Exception):
    """A failure with a one-line explanation.

    ``str(error)``, ``message`` and ``hint`` spell options as Python does; `rendered` takes any
    `Spelling`.

    Args:
        code: the exit status of the process.
        message: what is wrong and where, with the nearest valid choice; options in it are written
            by `opt`.
        hint: what to do next, in words; an alternative if ``suggest`` is given, too.
        option: the option with the wrong value: its name in the SDK, or a dotted key of the
            configuration.
        suggest: a value of ``option`` that would be valid, or a `Suggestion`; a tuple if
            several would be valid.

    Attributes:
        template: the message with its options not spelt yet, for use in another error.
    """

    def __init__(
        self,
        code: ExitStatus,
        message: str,
        *,
        hint: str = "",
        option: str = "",
        suggest: Any = None,
    ) -> None:
        self.code = code
        self.template = escaped(message)
        self.option = option
        self.suggest = _suggestions(option, suggest)
        self._hint = escaped(hint)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """What is wrong, in Python's spelling."""
        return spelt(self.template, PYTHON)

    @property
    def hint(self) -> str:
        """What to do next, in Python's spelling; may be empty."""
        return self.rendered(PYTHON)[1]

    def rendered(self, spelling: Spelling) -> tuple[str, str]:
        """The message and the hint, one line each."""
        calls = [f"{spelling.call(s)} {s.text}".strip() for s in self.suggest]
        hint = spelt(self._hint, spelling)
        return spelt(self.template, spelling), escaped(_either([*calls, *([hint] if hint else [])]))

    def to_json(self) -> dict[str, Any]:
        """The document that a server returns; ``suggest`` is a list of alternatives."""
        return {
            "code": int(self.code),
            "message": self.message,
            "field": self.option,
            "hint": spelt(self._hint, PYTHON),
            "suggest": json.loads(json.dumps([vars(s) for s in self.suggest], default=_plain)),
        }

    def pack(self) -> dict[str, Any]:
        """All of the error as plain JSON, for another process to `unpack`."""
        return {**self.to_json(), "message": self.template, "hint": self._hint}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any], where: str = "") -> GenctlError:
        """The error from the output of `pack`, with ``where`` before its message."""
        suggest = tuple(Suggestion(**{**s, "args": tuple(s["args"])}) for s in packed["suggest"])
        return cls(
            ExitStatus(packed["code"]),
            where + packed["message"],
            hint=packed["hint"],
            option=packed["field"],
            suggest=suggest,
        )


class SurroundingsWarning(UserWarning):
    """Something around genctl, such as the cache, fails, and the work goes on without it."""


PYTHON = Spelling()


def opt(name: str, value: object = _NO_VALUE) -> str:
    """An option, and its value if given, in the text of an error; the renderer spells it.

    Args:
        name: its name in the SDK, or a dotted key of the configuration.
    """
    if value is _NO_VALUE:
        return f"{{option:{name}}}"
    written = json.dumps(json.dumps(value, default=_plain))  # all of it in quotes
    for brace in "{}":  # they end the option
        written = written.replace(brace, f"\\u{ord(brace):04x}")
    return f"{{option:{name}={written}}}"


def literal(value: object) -> str:
    """``value`` as Python source shows it, texts between double quotes."""
    if isinstance(value, Placeholder):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if value is None or isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)


def _plain(value: Any) -> object:
    """A plain value for one that JSON does not support: a Python number or text."""
    return value.item() if hasattr(value, "item") else str(value)


def _suggestions(option: str, suggest: Any) -> tuple[Suggestion, ...]:
    if suggest is None:
        return ()
    several = suggest if isinstance(suggest, tuple) else (suggest,)
    return tuple(s if isinstance(s, Suggestion) else Suggestion("", {option: s}) for s in several)


def spelt(template: str, spelling: Spelling) -> str:
    """A `GenctlError.template` with each option as ``spelling`` writes it."""

    def written(found: re.Match[str]) -> str:
        name, value = found.groups()
        if value is None:
            return spelling.name(name)
        try:
            return escaped(spelling.given(name, json.loads(json.loads(value))))
        except (ValueError, TypeError):  # a file name that looks like an option
            return found.group()

    return _OPTION.sub(written, template)


def _either(ways: list[str]) -> str:
    """``a``, ``a, or b``, ``a, b, or c``."""
    return ", or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)


def escaped(text: str) -> str:
    """``text`` with line ends, control characters and lone surrogates as escapes.

    Names in other people's files become part of errors and warnings, and must not break the line or
    send control sequences to the terminal.
    """
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _ESCAPED else c
        for c in text
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the processor or on a device."""
    torch = sys.modules.get("torch")  # if torch is not loaded, its memory cannot have run out
    if isinstance(error, MemoryError):
        return True
    if torch is None or not isinstance(error, RuntimeError):
        return False
    signs = ("you tried to allocate", "MPS backend out of memory")
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in signs)


def nearest(name: str, choices: Iterable[str], n: int = 3) -> list[str]:
    """The up to ``n`` members of ``choices`` that are most similar to ``name``, best first."""
    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=n, cutoff=0.5)
    return [by_folded[folded] for folded in found]


_FEW = 40
"""The number of choices that an error lists at most."""


def unknown(
    kind: str,
    name: str,
    choices: Iterable[str],
    *,
    origin: str = "",
    meant: Sequence[str] = (),
    code: ExitStatus = ExitStatus.USAGE,
    hint: str = "",
    option: str = "",
    suggest: Any = None,
) -> GenctlError:
    """The error for a name that is not in ``choices``; it names the nearest ones, or all if few.

    Args:
        origin: where the name was written, unless that is obvious.
        meant: choices that the name describes, if none is spelt like it.
        code, hint, option, suggest: as in `GenctlError`.
    """
    known = sorted(choices)
    close = nearest(str(name), known) or list(meant)  # a Python caller may pass any type
    if close:
        remedy = f"did you mean {' or '.join(repr(c) for c in close)}?"
    elif len(known) > _FEW:
        remedy = f"none of the {len(known)} is spelt like it"
    else:
        remedy = f"choose one of: {', '.join(known) or '(none)'}"
    written = f" (from {origin})" if origin else ""
    message = f"unknown {kind} {name!r}{written}; {remedy}"
    return GenctlError(code, message, hint=hint, option=option, suggest=suggest)
