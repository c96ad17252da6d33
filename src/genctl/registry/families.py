"""Families: what genctl knows of a kind of model without importing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from genctl.errors import ExitStatus, GenctlError
from genctl.registry.formats import BUNDLE, formats_of
from genctl.registry.plugins import SPEC_API, Registry, import_target

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {name: f"genctl.families.{name}.spec:SPEC" for name in ("gan", "lm", "diffusion")}
)

_OF_API_1 = {
    "inputs": "`inputs` is now `reads`, batch key -> kind of feature",
    "output": "`output` is now `makes`, the feature that sampling gives",
    "picture_preset": "`picture_preset` is now `large_preset`",
}
"""Keywords of plug-in API 1 -> what replaced them."""


@dataclass(frozen=True)
class NoRequest:
    """The sampling options of a family that has none of its own."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What genctl knows of a family before anything heavy is imported.

    Attributes:
        api: the `SPEC_API` that it was written for.
        name: what users type.
        summary: one line.
        config: a frozen dataclass, the ``model`` section of the family's configuration.
        targets: ``"objective"``, ``"sampler"``, ``"exporter.onnx"`` ... -> ``"module:attribute"``.
            Two name torch-free functions of the dotted values chosen so far: ``"derive"`` gives
            key -> (value, origin) for those that follow from them, ``"reads"`` replaces `reads`.
        reads: the features that training reads, batch key -> kind, such as
            ``{"image": "image", "label": "label?"}``; ``?`` marks optional ones. They alone
            decide which kinds of data the family takes.
        makes: the feature that sampling generates: ``image``, ``tokens``, ``embedding``; None for
            nothing.
        data: the name of the kind of data that it takes by default.
        presets: preset -> dotted or short key -> value; the first is the default.
        request: a frozen dataclass, the family's own sampling options.
        takes: the inputs of sampling that it takes, of those of its kind of output, see
            `OutputKind.inputs`; all of them when None.
        gpu_preset: the preset to start from on a GPU; the first one when empty.
        large_preset: the preset to start from for data that their kind calls large, such as images
            with colour or a side above 32 pixels; empty where there is none.
        parents: the roles of the trained runs that it starts from -> what each is for.
        common: the keys (dotted or short) that people change most, for short help; when empty, the
            first ones of the family's own.
    """

    api: int
    name: str
    summary: str
    config: type
    targets: Mapping[str, str]
    reads: Mapping[str, str]
    makes: str | None
    data: str = "images"
    presets: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: {"default": {}})
    request: type = NoRequest
    takes: frozenset[str] | None = None
    gpu_preset: str = ""
    large_preset: str = ""
    parents: Mapping[str, str] = field(default_factory=dict)
    common: tuple[str, ...] = ()

    @property
    def default_preset(self) -> str:
        return next(iter(self.presets))

    def reads_with(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """The features that training reads with these settings.

        Args:
            values: dotted key -> value, as chosen so far.
        """
        if "reads" not in self.targets:
            return self.reads
        found: Mapping[str, str] = self.load("reads")(values)
        return found

    def exports(self) -> list[str]:
        """The foreign formats that this family can be exported to."""
        return sorted(name for name in formats_of(self.targets) if name != BUNDLE)

    def load(self, target: str) -> Any:
        """Import what ``target`` names.

        Raises:
            GenctlError: the family has no such target.
        """
        if target not in self.targets:
            raise GenctlError(ExitStatus.USAGE, f"the family {self.name!r} has no {target}")
        return import_target(self.targets[target])


def _explain(error: Exception) -> str:
    """Why a plug-in's family cannot be used; for API 1, also what has changed."""
    reason = f"{type(error).__name__}: {error}"
    if not (isinstance(error, TypeError) and "Spec.__init__" in str(error)):
        return reason
    unexpected = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if "'api'" in str(error) or (unexpected and unexpected[1] in _OF_API_1):
        changes = "; ".join(_OF_API_1.values())
        return (
            f"made for plug-in API 1; this genctl has {SPEC_API}: {changes}; `data` is now the "
            f"name of a kind of data; `api={SPEC_API}` must be given"
        )
    return reason


def _check(spec: Spec) -> None:
    if not spec.presets:
        raise TypeError("presets is empty; the first one is the default")


FAMILIES: Registry[Spec] = Registry(
    "family", "genctl.models", Spec, lambda: BUILT_IN, _explain, check=_check
)
