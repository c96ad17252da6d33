"""A trained model in memory, as whatever generates with it sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from genctl import registry
from genctl.config import Config
from genctl.contracts import DataSpec, Parents, Sampler, Trained
from genctl.registry import DATA_KINDS, OutputKind, Spec, output_kind


@dataclass(frozen=True)
class LoadedModel:
    """A trained model, ready to sample.

    Attributes:
        origin: the run, export folder or file that it came from.
        trained: its family, configuration, data and modules.
        weights: which weights these are: ``ema``, ``raw`` ...
        step: the step they were saved at; None when unknown.
        device: where it runs.
        parents: role -> the trained model that plays it.
    """

    origin: Path
    trained: Trained
    weights: str
    step: int | None
    device: torch.device
    parents: Parents = field(default_factory=dict)

    @property
    def spec(self) -> Spec:
        return registry.get(self.trained.family)

    @property
    def config(self) -> Config:
        config: Config = self.trained.config
        return config

    @property
    def data(self) -> DataSpec:
        return self.trained.data

    @property
    def output(self) -> OutputKind | None:
        """What its samples are; None for a family that samples nothing."""
        return output_kind(self.spec, DATA_KINDS.get(self.config.kind))

    @property
    def makes(self) -> str:
        """What it generates, in words."""
        return self.output.words[1] if self.output else "nothing"

    def sampler(self) -> Sampler:
        """The family's sampler on these weights.

        >>> sorted(model.sampler().conditions)
        ['image', 'label', 'mask']

        Raises:
            GenctlError: the family samples nothing.
        """
        sampler: Sampler = self.spec.load("sampler")(
            self.config, self.data, self.trained.modules, self.parents
        )
        return sampler
