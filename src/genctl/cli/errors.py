"""Turns every error into one line, one hint and an exit status."""

from __future__ import annotations

import traceback
from typing import Any

import typer

from genctl.cli.context import FAMILY_ARG
from genctl.errors import ExitStatus, GenctlError, is_out_of_memory, nearest
from genctl.output import Output


def report(error: Exception, output: Output, *, debug: bool) -> int:
    """Print ``error`` as one line and a hint; with ``debug``, after its traceback.

    Returns:
        The exit status.
    """
    if debug:
        traceback.print_exception(error, file=output.stderr)
    failure = explain(error)
    output.error(failure)
    return int(failure.code)


def explain(error: Exception) -> GenctlError:
    """The `GenctlError` that says what ``error`` is."""
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
            hint="a smaller --batch-size needs less; --device cpu uses main memory",
        )
    if isinstance(error, OSError) and error.filename and error.strerror:
        return GenctlError(ExitStatus.FAILURE, f"{error.filename}: {error.strerror.lower()}")
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return GenctlError(
        ExitStatus.FAILURE,
        f"internal error: {reason}",
        hint="run again with --debug for the traceback, and report it",
    )


def _misuse(error: typer.TyperException) -> GenctlError:
    """What Typer found wrong with the command line."""
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
