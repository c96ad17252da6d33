"""Names -> descriptions of what they stand for: built in, or from plug-ins, each loaded lazily.

A description is plain data in a torch-free module and names heavy code as ``module:attribute``.
Plug-ins add descriptions through entry points. One that cannot be used is listed by the verb
``doctor`` and never stops anything else.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from genctl.errors import unknown

SPEC_API = 2
"""Version of the plug-in boundary: descriptions of all kinds, and the contracts."""


class Named(Protocol):
    """A description with a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point that gave no usable description, and why."""

    name: str
    value: str
    reason: str


def import_target(target: str) -> Any:
    """What ``module:attribute`` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Registry(Generic[T]):
    """All descriptions of one type.

    Args:
        noun: what they describe, for errors: ``family``, ``metric`` ...
        group: the entry-point group of plug-ins.
        type: the type of the descriptions.
        built_in: gives name -> ``module:attribute``; called once, when first needed.
        explain: turns an error of a plug-in into the reason that is shown.
        check: raises TypeError for a description of a plug-in that cannot be used.
    """

    def __init__(
        self,
        noun: str,
        group: str,
        type: type[T],
        built_in: Callable[[], Mapping[str, str]],
        explain: Callable[[Exception], str] | None = None,
        check: Callable[[T], None] | None = None,
    ) -> None:
        self.noun = noun
        self.group = group
        self._type = type
        self._built_in = built_in
        self._explain = explain or _reason
        self._check = check
        self._targets: dict[str, str] | None = None
        self._plugins: dict[str, T] | None = None
        self._values: dict[str, str] = {}
        self._broken: list[BrokenPlugin] = []

    def get(self, name: str, **error: Any) -> T:
        """The description called ``name``; plug-ins are loaded only when it is not built in.

        Args:
            error: keywords of `unknown`, such as ``option`` and ``suggest``.

        Raises:
            GenctlError: (USAGE) there is none.
        """
        if name in self._own():
            return self._load(name)
        if name in self._found():
            return self._found()[name]
        raise unknown(self.noun, name, self.names(), **error)

    def names(self) -> list[str]:
        """Every name, built-in ones first."""
        return [*self._own(), *self._found()]

    def all(self) -> list[T]:
        """Every description, built-in ones first."""
        return [*map(self._load, self._own()), *self._found().values()]

    def broken(self) -> list[BrokenPlugin]:
        """The entry points that could not be used."""
        self._found()
        return list(self._broken)

    def note_failure(self, name: str, error: Exception) -> None:
        """Record a plug-in that failed in use as broken.

        Raises:
            Exception: ``error`` itself, where no plug-in is called ``name``.
        """
        if name not in self._found():
            raise error
        if all(plugin.name != name for plugin in self._broken):
            self._broken.append(BrokenPlugin(name, self._values[name], self._explain(error)))

    def register(self, name: str, target: str) -> None:
        """Add a built-in description, or replace one: for tests."""
        self._own()[name] = target

    def unregister(self, name: str) -> None:
        """Undo `register`."""
        self._own().pop(name, None)

    def forget(self) -> None:
        """Look for plug-ins again when next asked."""
        self._plugins, self._broken = None, []

    def _own(self) -> dict[str, str]:
        if self._targets is None:
            self._targets = dict(self._built_in())
        return self._targets

    def _load(self, name: str) -> T:
        found: T = import_target(self._own()[name])
        return found

    def _found(self) -> dict[str, T]:
        if self._plugins is None:
            self._plugins = {}
            for point in _allowed(self.group):
                try:
                    found = self._checked(point)
                except Exception as error:  # noqa: BLE001
                    # A plug-in is foreign code and may raise anything.
                    self._broken.append(BrokenPlugin(point.name, point.value, self._explain(error)))
                else:
                    self._plugins[found.name] = found
                    self._values[found.name] = point.value
        return self._plugins

    def _checked(self, point: EntryPoint) -> T:
        found = point.load()
        if not isinstance(found, self._type):
            raise TypeError(
                f"{point.value} is {type(found).__name__}, not a genctl {self._type.__name__}"
            )
        api = getattr(found, "api", SPEC_API)
        if api != SPEC_API:
            raise ValueError(f"made for plug-in API {api}; this genctl has {SPEC_API}")
        if found.name in self._own() or found.name in (self._plugins or {}):
            raise ValueError(f"the name {found.name!r} is already taken")
        if self._check is not None:
            self._check(found)
        return found


def require_words(words: object) -> None:
    """Refuse anything but the words for one thing and for several.

    Raises:
        TypeError: ``words`` are not two texts.
    """
    if not (isinstance(words, tuple) and [type(word) for word in words] == [str, str]):
        raise TypeError(f"words is {words!r}, not two texts such as ('image', 'images')")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _allowed(group: str) -> Iterator[EntryPoint]:
    """The entry points that ``GENCTL_PLUGINS`` (names, or ``none``) allows; all when unset."""
    allowed = os.environ.get("GENCTL_PLUGINS")
    names = None if allowed is None else {name.strip() for name in allowed.split(",")}
    for point in entry_points(group=group):
        if names is None or point.name in names:
            yield point
