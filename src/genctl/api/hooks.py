"""What the engine may do with a model in training: draw previews of it, and score it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genctl.api.pictures import BATCH, model_batches
from genctl.config import Config, request_from
from genctl.contracts import Parents
from genctl.data.images import ImageDataset, to_uint8
from genctl.data.samples import grid, save_png
from genctl.engine.driver import sample_chunks
from genctl.engine.loop import Hooks, Modules
from genctl.evaluation.choose import choose_extractor
from genctl.evaluation.evaluate import Reference, evaluate_images, make_reference
from genctl.files import make_directory
from genctl.registry import Spec
from genctl.runs import Run

PREVIEWS, PREVIEW_SEED = 64, 0
SCORED, SCORE_SEED = 1000, 20
"""Neither seed is the default of ``eval``: what chose a checkpoint must not also judge it."""


def make_hooks(
    spec: Spec, config: Config, dataset: ImageDataset, parents: Parents, device: torch.device
) -> Hooks:
    """Previews and in-training scores for families that make images; nothing for others."""
    if spec.output != "image":
        return Hooks()
    hooks = _ImageHooks(spec, config, dataset, parents, device)
    return Hooks(hooks.preview, hooks.evaluate)


def save_reals(dataset: ImageDataset, run: Run) -> None:
    """A grid of training images, ``samples/reals.png``, to hold previews against."""
    batch = next(dataset.stream(0, PREVIEWS, seed=0))
    save_png(make_directory(run.samples) / "reals.png", _sheet([batch["image"]]))


class _ImageHooks:
    """Previews and scores of one run; the reference is looked at once, when first needed."""

    def __init__(
        self,
        spec: Spec,
        config: Config,
        dataset: ImageDataset,
        parents: Parents,
        device: torch.device,
    ) -> None:
        self._spec = spec
        self._config = config
        self._dataset = dataset
        self._parents = parents
        self._device = device
        self._request = request_from(spec, {})

    def preview(self, modules: Modules, path: Path) -> None:
        """A grid from the same noise each time, classes in turn."""
        chunks = self._samples(modules, PREVIEWS, PREVIEW_SEED)
        save_png(path.with_suffix(".png"), _sheet(list(chunks)))

    def evaluate(self, modules: Modules) -> Mapping[str, float]:
        """``fd``: the Fréchet distance of some samples to the training images."""
        batches = model_batches(self._samples(modules, SCORED, SCORE_SEED))
        reference = self._reference
        return {"fd": evaluate_images("fid", batches, reference.extractor, reference).value}

    def _samples(self, modules: Modules, n: int, seed: int) -> Iterator[Tensor]:
        data = self._dataset.spec
        sampler = self._spec.load("sampler")(self._config, data, modules, self._parents)
        labels = range(data.num_classes) if "label" in sampler.conditions else ()
        return sample_chunks(
            sampler,
            self._request,
            n,
            seed=seed,
            labels=labels,
            batch_size=BATCH,
            device=self._device,
        )

    @functools.cached_property
    def _reference(self) -> Reference:
        data = self._dataset.spec
        choice = choose_extractor("fid", requested=data.extractor or "rand", device=self._device)
        return make_reference(
            self._dataset.uint8_batches(BATCH),
            choice.extractor,
            name=data.name,
            sha256=data.fingerprint,
        )


def _sheet(chunks: list[Tensor]) -> npt.NDArray[np.generic]:
    images = torch.cat([to_uint8(chunk) for chunk in chunks])
    return grid(images.permute(0, 2, 3, 1).cpu().numpy())
