"""The output of commands: the result goes to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from genctl import documents
from genctl.errors import PYTHON, ExitStatus, GenctlError, Spelling, escaped, opt

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


PLAIN_SECONDS = 5.0
"""Seconds between progress lines where no progress bar can be shown."""

T = TypeVar("T", bound=Sized)


class Mode(StrEnum):
    """How a result is shown."""

    HUMAN = "human"
    JSON = "json"
    QUIET = "quiet"


class Output:
    """The output of a command.

    Args:
        mode: ``human`` text, one ``json`` document, or ``quiet`` (only the bare result).
        verbose: whether to print details too.
        stdout, stderr: the streams; those of the process when None.
    """

    def __init__(
        self,
        mode: Mode = Mode.HUMAN,
        *,
        verbose: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.mode = mode
        self.verbose = verbose
        self._stdout = stdout
        self._stderr = stderr
        self._console: Console | None = None

    @classmethod
    def silent(cls) -> Output:
        """An output that prints nothing, not even warnings, for processes other than rank 0."""
        return cls(Mode.QUIET, stderr=io.StringIO())

    @property
    def stdout(self) -> TextIO:
        return self._stdout or sys.stdout

    @property
    def stderr(self) -> TextIO:
        return self._stderr or sys.stderr

    @property
    def live(self) -> bool:
        """Whether to show a moving progress bar: stderr is a terminal and not quiet."""
        return self.mode is not Mode.QUIET and self.stderr.isatty()

    @property
    def console(self) -> Console:
        """The rich console on stderr."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stderr, highlight=False)
        return self._console

    def result(self, data: Mapping[str, Any], human: RenderableType, *, bare: str = "") -> None:
        """Show the result of the command.

        Args:
            data: the result as a JSON document.
            human: the result for people.
            bare: the result in quiet mode, e.g. a path; nothing is printed when it is empty.
        """
        if self.mode is Mode.JSON:
            print(documents.to_json(data, indent=2, default=str), file=self.stdout)
        elif self.mode is Mode.QUIET:
            if bare:
                print(bare, file=self.stdout)
        elif isinstance(human, str):
            print(human, file=self.stdout)
        else:
            from rich.console import Console

            Console(file=self.stdout, highlight=False, soft_wrap=True).print(human)

    def confirm(self, action: str, *, otherwise: str, remedy: str) -> None:
        """Ask the user for confirmation, and return only if the answer is yes.

        Args:
            action: the action to confirm, such as ``"delete runs/x"``.
            otherwise: the result of the answer no, such as ``"nothing was deleted"``.
            remedy: what to type if there is no terminal to ask on.

        Raises:
            GenctlError: (USAGE) there is no terminal to ask on; (FAILURE) the answer is no.
        """
        if self.mode is not Mode.HUMAN or not (sys.stdin.isatty() and self.stderr.isatty()):
            raise GenctlError(
                ExitStatus.USAGE,
                f"refusing to {action} without confirmation; use {opt('yes')}",
                hint=remedy,
                option="yes",
            )
        print(f"{action}? [y/N] ", end="", file=self.stderr, flush=True)
        if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
            raise GenctlError(ExitStatus.FAILURE, f"cancelled; {otherwise}")

    def piece(self, text: str) -> None:
        """Print a piece of a result while the rest is still being generated."""
        print(text, end="", file=self.stdout, flush=True)

    def say(self, text: str) -> None:
        """Print a message, except in quiet mode."""
        if self.mode is not Mode.QUIET:
            self._print(text)

    def detail(self, text: str) -> None:
        """Print a message only if ``verbose`` is set."""
        if self.verbose:
            self._print(text)

    def warn(self, text: str) -> None:
        """Print a warning, even in quiet mode."""
        self._print(f"warning: {escaped(text)}")

    def error(self, error: GenctlError, spelling: Spelling = PYTHON) -> None:
        """Print what is wrong and what to do next, one line each, in the given spelling."""
        message, hint = error.rendered(spelling)
        if self.mode is Mode.JSON:
            document = {
                "code": int(error.code),
                "message": message,
                "hint": hint,
                "option": error.option,
            }
            with contextlib.suppress(OSError):  # stdout may be what failed
                print(documents.to_json({"error": document}), file=self.stdout)
        self._print(f"error: {message}")
        if hint:
            self._print(f"hint: {hint}")

    def track(self, chunks: Iterable[T], total: int, what: str) -> Iterator[T]:
        """Yield ``chunks``, and show how many of ``total`` rows have passed."""
        done, next_line = 0, time.monotonic() + PLAIN_SECONDS
        with self._bar(total, what) as advance:
            for chunk in chunks:
                yield chunk
                done += len(chunk)
                advance(len(chunk))
                if not self.live and time.monotonic() >= next_line:
                    next_line = time.monotonic() + PLAIN_SECONDS
                    self.say(f"{what}: {done} of {total}")

    @contextlib.contextmanager
    def _bar(self, total: int, what: str) -> Iterator[Callable[[int], None]]:
        """Show a moving bar on a terminal; yields the function that advances it."""
        if not self.live:
            yield lambda rows: None
            return
        from rich.progress import Progress

        with Progress(console=self.console, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda rows: progress.advance(task, rows)

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a message that cannot be shown stops no work
            if self._console is not None:
                # A live display controls the terminal: its console prints above the bar.
                self._console.print(text, markup=False, soft_wrap=True)
            else:
                print(text, file=self.stderr, flush=True)


QUIET = Output(Mode.QUIET)
"""Prints only warnings; the default output of calls from Python."""
