"""Pages from templates: code passes text, and a template defines the layout."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genctl.version import VERSION
from genctl.wording import number

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class PageImage:
    """An image inside a page.

    Attributes:
        png: its content.
        caption: what it shows.
        width: its width on the page in pixels.
    """

    png: bytes
    caption: str
    width: int

    @property
    def source(self) -> str:
        """The content as a ``data:`` address."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class PageText:
    """A text inside a page, shown as it was written.

    Attributes:
        text: its content.
        caption: what it is.
    """

    text: str
    caption: str


@dataclass(frozen=True)
class PageFile:
    """A file inside a page, which the reader can save.

    Attributes:
        content: its content.
        name: its name.
        caption: what it is.
    """

    content: bytes
    name: str
    caption: str

    @property
    def source(self) -> str:
        """The content as a ``data:`` address."""
        return f"data:application/octet-stream;base64,{base64.b64encode(self.content).decode()}"


def render(template: str, /, **context: Any) -> str:
    """Render ``templates/<template>`` with ``context``.

    Everything in ``context`` is escaped except values that the template marks as ``safe``: charts
    from `genctl.plots`.

    Raises:
        jinja2.UndefinedError: the template uses a name that is not in ``context``.
    """
    return _environment().get_template(template).render(version=VERSION, **context)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genctl.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment
