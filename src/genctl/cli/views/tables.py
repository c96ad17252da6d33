"""Plain tables that are the same on a terminal, in a pipe and in a log."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

from genctl.errors import escaped

_LEAST_ROOM = 24


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Rows as aligned columns; wide characters (Chinese, Japanese, Korean) count as two.

    On a terminal, the text of the last column is wrapped. Control characters are shown as escapes,
    as cells may be names from other people's files.
    """
    from rich.cells import cell_len

    lines = [[escaped(cell) for cell in line] for line in ([header] if header else []) + [*rows]]
    if not lines:
        return ""
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = _columns() - before
    shown = []
    for line in lines:
        padded = [c + " " * (w - cell_len(c)) for c, w in zip(line[:-1], widths, strict=False)]
        last = line[-1]
        if room >= _LEAST_ROOM and len(last) == cell_len(last) > room:
            last = f"\n{' ' * before}".join(textwrap.wrap(last, room))
        shown.append("  ".join([*padded, last]).rstrip())
    return "\n".join(shown)


def _columns() -> int:
    """The width of the terminal; without one, unlimited."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
