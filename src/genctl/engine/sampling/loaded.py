"""A trained model in memory, for code that generates with it."""

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
        origin: the run, export folder or file that it was loaded from.
        trained: its family, configuration, data and modules.
        weights: the name of its weights: ``ema``, ``raw`` ...
        step: the step the weights were saved at; None when unknown.
        device: where it runs.
        parents: role -> the trained model in that role.
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
        """The kind of its samples; None for a family without samples."""
        return output_kind(self.spec, DATA_KINDS.get(self.config.kind))

    @property
    def makes(self) -> str:
        """The name of what it generates, such as ``images``."""
        return self.output.words[1] if self.output else "nothing"

    def sampler(self) -> Sampler:
        """The family's sampler on these weights.

        >>> sorted(model.sampler().conditions)
        ['image', 'label', 'mask']

        Raises:
            GenctlError: the family has no samples.
        """
        sampler: Sampler = self.spec.load("sampler")(
            self.config, self.data, self.trained.modules, self.parents
        )
        return sampler
