"""Plain tables: the same on a terminal, in a pipe and in a log, whatever the script."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """Rows as aligned columns; wide characters (Chinese, Japanese, Korean) count as two."""
    from rich.cells import cell_len

    lines = [header, *rows] if header else list(rows)
    if not lines:
        return ""
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )
