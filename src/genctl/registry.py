"""Names of model families -> what genctl knows of them, without importing what they stand for.

A family is described by a `Spec`: plain data in a torch-free module, with ``module:attribute``
strings for everything heavy. Families outside genctl register a `Spec` under the entry-point
group ``genctl.models``; one that fails to load is reported by the verb ``doctor``, never fatal.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from genctl.errors import ExitStatus, GenctlError, Suggestion, unknown

SPEC_API = 1
"""Version of the plug-in boundary; a `Spec` made for another one is refused."""

ENTRY_POINT_GROUP = "genctl.models"

EXPORT_VARIANTS: Mapping[str, str] = MappingProxyType({"gguf-q8_0": "gguf"})
"""Formats that are another one with other numbers in it -> the format whose exporter they take."""

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {name: f"genctl.families.{name}.spec:SPEC" for name in ("gan", "lm", "diffusion")}
)


@dataclass(frozen=True)
class NoRequest:
    """The sampling options of a family that has none of its own."""


@dataclass(frozen=True)
class Spec:
    """What genctl knows of a family before anything heavy is imported.

    Attributes:
        name: what people type.
        summary: one line.
        config: a frozen dataclass, the ``model`` section of the family's configuration.
        targets: ``"objective"``, ``"sampler"``, ``"exporter.onnx"`` ... -> ``"module:attribute"``;
            ``"derive"`` names a torch-free function of the dotted values chosen so far that gives
            key -> (value, origin) for those that follow from them.
        presets: preset -> dotted or short key -> value; the first is the default.
        request: a frozen dataclass, the family's own sampling options.
        inputs: the keys of a batch that training reads.
        output: the key of what sampling makes, or None for a family that samples nothing.
        data: the ``data`` section of its configuration; that of images when None.
        gpu_preset: the preset to start from on a GPU; the first one when empty.
        picture_preset: the preset to start from for images with colour or a side above 32 pixels;
            empty where there is none.
        parents: the roles of the trained runs it starts from -> what each is for.
        api: the `SPEC_API` it was written for.
    """

    name: str
    summary: str
    config: type
    targets: Mapping[str, str]
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: {"default": {}})
    request: type = NoRequest
    inputs: frozenset[str] = frozenset({"image"})
    output: str | None = "image"
    data: type | None = None
    gpu_preset: str = ""
    picture_preset: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    api: int = SPEC_API

    @property
    def default_preset(self) -> str:
        return next(iter(self.presets))

    def exports(self) -> list[str]:
        """The foreign formats that this family can be written to."""
        own = [key.partition(".")[2] for key in self.targets if key.startswith("exporter.")]
        return sorted([*own, *(name for name, of in EXPORT_VARIANTS.items() if of in own)])

    def load(self, target: str) -> Any:
        """Import what ``target`` names.

        Raises:
            GenctlError: the family has no such target.
        """
        if target not in self.targets:
            raise GenctlError(ExitStatus.USAGE, f"the family {self.name!r} has no {target}")
        return _import(self.targets[target])


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point that gave no usable `Spec`, and why."""

    name: str
    value: str
    reason: str


def get(name: str) -> Spec:
    """The family called ``name``; plug-ins are looked at only when it is not built in."""
    if name in BUILT_IN:
        return _built_in(name)
    plugins = _plugins()[0]
    if name in plugins:
        return plugins[name]
    raise unknown(
        "family", name, [*BUILT_IN, *plugins], option="family", suggest=Suggestion("models")
    )


def specs() -> list[Spec]:
    """Every family, built-in ones first."""
    return [*map(_built_in, BUILT_IN), *_plugins()[0].values()]


def broken_plugins() -> list[BrokenPlugin]:
    """The entry points that could not be used."""
    return list(_plugins()[1])


def _built_in(name: str) -> Spec:
    spec: Spec = _import(BUILT_IN[name])
    return spec


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


@functools.cache
def _plugins() -> tuple[dict[str, Spec], tuple[BrokenPlugin, ...]]:
    found: dict[str, Spec] = {}
    broken: list[BrokenPlugin] = []
    for point in _allowed_entry_points():
        try:
            spec = _checked(point, found)
        except Exception as error:  # noqa: BLE001
            # A plug-in is foreign code: whatever it raises is its own, and is shown by doctor.
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPlugin(point.name, point.value, reason))
        else:
            found[spec.name] = spec
    return found, tuple(broken)


def _allowed_entry_points() -> Iterator[EntryPoint]:
    """The entry points that ``GENCTL_PLUGINS`` (names, or ``none``) lets in; all when unset."""
    allowed = os.environ.get("GENCTL_PLUGINS")
    names = None if allowed is None else {name.strip() for name in allowed.split(",")}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if names is None or point.name in names:
            yield point


def _checked(point: EntryPoint, taken: Mapping[str, Spec]) -> Spec:
    spec = point.load()
    if not isinstance(spec, Spec):
        raise TypeError(f"{point.value} is {type(spec).__name__}, not a genctl.registry.Spec")
    if spec.api != SPEC_API:
        raise ValueError(f"made for plug-in API {spec.api}; this genctl has {SPEC_API}")
    if spec.name in BUILT_IN or spec.name in taken:
        raise ValueError(f"the name {spec.name!r} is already taken")
    return spec
