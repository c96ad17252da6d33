"""Turns every error into one line, one hint and an exit status."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from genctl.cli.context import FAMILY_ARG
from genctl.errors import ExitStatus, GenctlError, Spelling, Suggestion, is_out_of_memory, nearest
from genctl.output import Output

FLAGS: dict[str, dict[str, tuple[str, ...]]] = {
    "": {
        "between": ("--interpolate",),
        "image": ("--inpaint", "--init-image"),
        "prompts": ("--prompt", "--prompts"),
        "sets": ("--set",),
    },
    "eval": {"weights": ("--weights", "--model-weights")},
    "data stats": {"extractor_weights": ("--extractor-weights", "--weights")},
}
"""Verb -> option in the SDK -> its flags, where they have other names; under ``""``: all verbs."""

OLDER = {"stats": "data stats"}
"""Older verb, which the SDK still has -> the present one."""

_LESS_MEMORY = {
    "train": "a smaller --micro-batch needs less and gives the same results",
    "sample": "a smaller --batch-size needs less",
    "eval": "a smaller --batch-size needs less",
}
_WITH_DEVICE = {"demo", "train", "sample", "eval", "data label", "data stats"}


class CommandLine(Spelling):
    """Options as flags, calls as commands.

    Args:
        words: what was typed after ``genctl``.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._words = list(words)
        self._verb = verb_of(words)

    def name(self, option: str) -> str:
        return option if "." in option else self._flag(option, self._verb)

    def given(self, option: str, value: object) -> str:
        if "." in option:  # the value may come from a preset or a file
            return f"{option} = {value!r}"
        return " ".join([self.name(option), *_text(value)])

    def call(self, suggestion: Suggestion) -> str:
        named = OLDER.get(suggestion.verb, suggestion.verb)
        verb = named or self._verb
        words = [f"genctl {named}"] if named else []
        words += [_quoted(arg) for arg in suggestion.args]
        for option, value in suggestion.options.items():
            if "." in option:
                words.append(f"--set {_quoted(f'{option}={_plain(value)}')}")
            else:
                words += [self._flag(option, verb), *_text(value)]
        return " ".join(words)

    def _flag(self, option: str, verb: str) -> str:
        """The flag of an option; if it has several, the one that was typed."""
        flags = {**FLAGS[""], **FLAGS.get(verb, {})}.get(option, ())
        typed = {word.partition("=")[0] for word in self._words}
        first = flags[0] if flags else f"--{option.replace('_', '-')}"
        return next((flag for flag in flags if flag in typed), first)


def verb_of(words: Sequence[str]) -> str:
    """The verb that was typed, such as ``train`` or ``data stats``; empty without one."""
    names = [word for word in words if not word.startswith("-")][:2]
    if names[:1] not in (["data"], ["runs"], ["config"]):
        names = names[:1]
    verb = " ".join(names)
    return OLDER.get(verb, verb)


def _text(value: object) -> list[str]:
    """The words that follow a flag; none after a switch."""
    return [] if value is True else [_quoted(value)]


def _quoted(value: object) -> str:
    return shlex.quote(_plain(value))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def report(error: Exception, output: Output, *, debug: bool, words: Sequence[str] = ()) -> int:
    """Report ``error`` to the user; with ``debug``, after its traceback.

    Args:
        words: what was typed after ``genctl``.

    Returns:
        The exit status.
    """
    if debug:
        traceback.print_exception(error, file=output.stderr)
    failure = explain(error, verb_of(words))
    output.error(failure, CommandLine(words))
    return int(failure.code)


def explain(error: Exception, verb: str = "") -> GenctlError:
    """The `GenctlError` that describes ``error``, which ended ``verb``."""
    if isinstance(error, GenctlError):
        return error
    if isinstance(error, typer.TyperException):
        return _misuse(error)
    if isinstance(error, typer.Abort):
        return GenctlError(ExitStatus.INTERRUPTED, "interrupted")
    if is_out_of_memory(error):
        return GenctlError(
            ExitStatus.OUT_OF_MEMORY,
            "out of memory",
            hint="; ".join(_ways_to_save_memory(verb)),
        )
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return GenctlError(ExitStatus.FAILURE, f"{place}{error.strerror.lower()}")
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return GenctlError(
        ExitStatus.FAILURE,
        f"internal error: {reason}",
        hint="run again with --debug for the traceback, and report it",
    )


def _ways_to_save_memory(verb: str) -> Iterator[str]:
    if verb in _LESS_MEMORY:
        yield _LESS_MEMORY[verb]
    if verb in _WITH_DEVICE:
        yield "--device cpu uses main memory"


def _misuse(error: typer.TyperException) -> GenctlError:
    """The error for a command line that Typer rejects."""
    context: Any = getattr(error, "ctx", None)
    words = [context.command_path, context.meta.get(FAMILY_ARG)] if context else ["genctl"]
    hint = " ".join([*filter(None, words), "--help"])
    option = getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        close = nearest(option.lstrip("-"), _names(context), n=1)
        remedy = f"; did you mean '--{close[0]}'?" if close else ""
        return GenctlError(ExitStatus.USAGE, f"unknown option {option!r}{remedy}", hint=hint)
    message = " ".join(error.format_message().split()).rstrip(".")
    return GenctlError(ExitStatus.USAGE, f"{message[:1].lower()}{message[1:]}", hint=hint)


def _names(context: Any) -> list[str]:
    """The long options that a command takes, without their dashes."""
    return [
        name.removeprefix("--")
        for parameter in context.command.get_params(context)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    ]
