"""Previews and scores of a model during training, by its kind of output."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from genctl.config import Config
from genctl.contracts import Dataset, Parents, Trained
from genctl.engine.sampling.loaded import LoadedModel
from genctl.engine.training.callbacks import Callbacks, Modules
from genctl.output import Output
from genctl.outputs.base import SampleRequest
from genctl.registry import DATA_KINDS, Spec, output_kind

PREVIEW_SEED, SCORE_SEED = 0, 20
"""Neither seed is the default of ``eval``, which judges independently."""


def make_callbacks(
    spec: Spec, config: Config, dataset: Dataset, parents: Parents, device: torch.device
) -> Callbacks:
    """The previews and scores of a run; none where its kind of output has none."""
    kind = output_kind(spec, DATA_KINDS.get(config.kind))
    if kind is None or "callbacks" not in kind.targets:
        return Callbacks()
    found = kind.load("callbacks")(spec, config, dataset, parents, device)
    return Callbacks(
        **{
            name: getattr(found, name)
            for name in ("preview", "evaluate", "cost", "references", "monitor")
            if hasattr(found, name)
        }
    )


class SampleCallbacks:
    """Previews of a kind of output with its own ``generate``: a base class for its callbacks.

    A subclass is scored in training if it has ``evaluate``, from modules and the number of samples
    to name -> number, and ``monitor``, the `genctl.contracts.Monitor` that decides which is best.

    Attributes:
        dataset: the dataset that the model is trained on.
        device: where the model is.
        previews: the number of samples in a preview.
        options: sampling options of previews and scores; those that the family lacks are ignored,
            and all others are the run's own.
    """

    previews = 16
    options: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        spec: Spec,
        config: Config,
        dataset: Dataset,
        parents: Parents,
        device: torch.device,
    ) -> None:
        kind = output_kind(spec, DATA_KINDS.get(config.kind))
        assert kind is not None  # the callbacks belong to this kind
        self.dataset = dataset
        self._kind = kind
        self._spec = spec
        self._config = config
        self._parents = parents
        self.device = device
        self._seconds = 0.0

    def model(self, modules: Modules) -> LoadedModel:
        """A model with these weights."""
        data = self.dataset.spec
        trained = Trained(self._spec.name, self._config, data, modules, self.dataset.assets)
        origin = Path(self._spec.name)
        return LoadedModel(origin, trained, "ema", None, self.device, self._parents)

    def samples(self, modules: Modules, n: int, seed: int = SCORE_SEED) -> Any:
        """Samples 0 to n - 1 of these weights, as the kind of output generates them."""
        known = {field.name for field in dataclasses.fields(self._spec.request)}
        options = {key: value for key, value in self.options.items() if key in known}
        request = SampleRequest(n, seed=seed, options=options)
        return self._kind.load("generate")(self.model(modules), request, Output.silent())

    def preview(self, modules: Modules, path: Path) -> None:
        """Some samples from the same noise each time, in the kind's first format."""
        begun = time.monotonic()
        found = self.samples(modules, self.previews, PREVIEW_SEED)
        self._seconds = (time.monotonic() - begun) / self.previews
        found.save(path.with_suffix(self._kind.suffixes[0]))

    def cost(self, modules: Modules) -> float:
        """Seconds per sample, as measured in the latest preview."""
        return self._seconds
