"""Kinds of output: what happens to the feature that sampling generates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from genctl.errors import ExitStatus, GenctlError
from genctl.registry.data_kinds import DataKind
from genctl.registry.families import Spec
from genctl.registry.plugins import Registry, import_target, require_words

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {name: f"genctl.outputs.{name}:KIND" for name in ("images", "text", "embeddings")}
)

_EVERYWHERE = {"embedding": "embeddings"}
"""The kind of output of a feature, whatever the kind of data."""


@dataclass(frozen=True, kw_only=True)
class OutputKind:
    """What genctl knows of a kind of output before anything heavy is imported.

    Attributes:
        api: the `SPEC_API` that it was written for.
        name: the name that metrics use: ``images``, ``text`` ...
        summary: one line.
        targets: function -> ``"module:attribute"``; see `genctl.outputs.base` for the types:
            ``generate``: (model, request, output) -> samples; absent where there is nothing to
            sample;
            ``check``: (path, count) refuses a place before anything is generated; without it
            ``suffixes`` decide;
            ``callbacks``: previews and scores in training; without it there are none;
            ``read``: path -> samples, of the files that ``suffixes`` name, to score them again;
            ``score``: (task, world, output) -> `genctl.api.evaluation.task.Scored`, for a kind that
            is scored in a special way; without it metrics get
            `genctl.evaluation.inputs.SampleInputs`.
        words: the words for one result and for several: ``("image", "images")``.
        suffixes: of the files that it can be saved as, the default first; ``""`` is a folder.
        shown: whether results are shown in the terminal unless a file is named.
        inputs: the inputs of sampling that it accepts beside ``labels``: ``prompts``,
            ``image``, ``mask``, ``between``, ``trajectory``, ``jsonl``.
        method: the method of `genctl.Model` that returns such samples in Python.
        default_metrics: the first metrics in tables of scores and in hints.
    """

    api: int
    name: str
    summary: str
    targets: Mapping[str, str]
    words: tuple[str, str]
    suffixes: tuple[str, ...] = (".npz",)
    shown: bool = False
    inputs: frozenset[str] = field(default_factory=frozenset)
    method: str = "generate"
    default_metrics: tuple[str, ...] = ()

    def load(self, target: str) -> Any:
        """Import what ``target`` names.

        Raises:
            GenctlError: (USAGE) this kind of output cannot do that.
        """
        if target not in self.targets:
            raise GenctlError(ExitStatus.USAGE, f"{self.words[1]} have no {target!r}")
        return import_target(self.targets[target])


OUTPUT_KINDS: Registry[OutputKind] = Registry(
    "kind of output",
    "genctl.outputs",
    OutputKind,
    lambda: BUILT_IN,
    check=lambda kind: require_words(kind.words),
)


def output_kind(spec: Spec, kind: DataKind) -> OutputKind | None:
    """The kind of output of a family trained on this kind of data; None for nothing."""
    if spec.makes is None:
        return None
    name = kind.outputs.get(spec.makes) or _EVERYWHERE.get(spec.makes)
    if name is None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{spec.name} generates {spec.makes}, and data of the kind {kind.name!r} does not name "
            "the output that this becomes",
        )
    return OUTPUT_KINDS.get(name)
