"""The style of all charts, and their conversion to PNG and SVG by matplotlib, without a screen."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genctl.errors import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE, LINE = "#1c2530", "#66727f", "#d5dbe1"
ONE, TWO, THREE, FOUR = "#0072b2", "#d55e00", "#009e73", "#aa4499"
"""Colours that people with any colour vision can distinguish, after Okabe and Ito."""

SERIES = ((ONE, "solid"), (TWO, "dashed"), (THREE, "dashdot"), (FOUR, "dotted"))
"""Colour and line style of the first series, the second and so on; the line styles also differ in
black and white."""

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
"""Fonts with Chinese characters on Linux, macOS and Windows; the first installed one is used."""

_VARIABLES = {
    INK: "ink",
    PALE: "pale",
    LINE: "line",
    ONE: "one",
    TWO: "two",
    THREE: "three",
    FOUR: "four",
}
"""Colour -> the CSS variable of a page, so that charts follow its light or dark theme."""

_STYLE: dict[str, Any] = {
    "axes.edgecolor": PALE,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 6),
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": PALE,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titley": 1.03,  # a fixed position: computing it takes a third of the time
    "font.size": 8,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
    "svg.hashsalt": "genctl",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": PALE,
    "xtick.labelsize": 8,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": PALE,
    "ytick.labelsize": 8,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}

_LOCK = threading.Lock()
"""matplotlib's settings are global to the process."""

_TAG = re.compile(r"<[^>]*>")
_NAMESPACE = re.compile(r' xmlns(:\w+)?="[^"]*"')
_GROUP = re.compile(r'^<g id="[^"]*"')
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_COLOUR = re.compile("|".join(_VARIABLES))


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Let matplotlib draw in the project's style inside the block, not in the user's settings.

    Afterwards settings, warnings and log levels are restored.
    """
    logger = logging.getLogger("matplotlib")
    with _LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        level = logger.level
        logger.setLevel(logging.ERROR)  # hides messages about its font cache
        try:
            import matplotlib

            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                style: Any = {**_STYLE, "font.family": _fonts()}
                matplotlib.rcParams.update(style)
                yield
        finally:
            logger.setLevel(level)


def single(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of ``width`` x ``height`` inches, filled by one pair of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG."""
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()


def to_svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element for a page, the same for the same figure.

    Text remains text, in the page's font. Colours are the page's CSS variables, with the colour
    itself as the fallback.
    """
    target = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(target, format="svg", transparent=True, metadata=nothing)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    return _TAG.sub(lambda tag: _of_page(tag[0]), text).strip()


def label(text: str, length: int = 40) -> str:
    """``text`` from user data as one printable line of at most ``length`` characters."""
    line = escaped(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _of_page(tag: str) -> str:
    """A tag of matplotlib's SVG, adapted to a page; text from users is only between tags."""
    tag = _GROUP.sub("<g", tag)  # other charts of the page have the same ids
    tag = _NAMESPACE.sub("", tag).replace("xlink:href", "href")
    tag = _FONT.sub("", tag)
    return _COLOUR.sub(lambda found: f"var(--{_VARIABLES[found[0]]}, {found[0]})", tag)


def _fonts() -> list[str]:
    """The installed font families to look for characters in."""
    from matplotlib.font_manager import fontManager

    known = set(fontManager.get_font_names())
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in known][:1]]
