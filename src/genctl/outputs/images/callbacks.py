"""Previews and scores of an image model during training."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from genctl.config import Config
from genctl.contracts import Parents, Sampler
from genctl.data.images.dataset import ImageDataset, to_uint8, uint8_batches
from genctl.data.images.stream import BATCH
from genctl.engine.sampling.driver import sample_chunks
from genctl.engine.training.callbacks import Modules
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.choose import ExtractorRequest, choose_extractor, monitor
from genctl.evaluation.reference import Reference, make_reference
from genctl.outputs.images.samples import ImageSamples
from genctl.registry import Spec

PREVIEWS, PREVIEW_SEED = 64, 0
SCORE_SEED = 20
"""Neither the seeds nor the extractor are the defaults of ``eval``, which judges independently."""


class ImageCallbacks:
    """Previews and scores of one run; the reference is read once, when first needed."""

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
        self._request = config.sample
        self._seconds = 0.0

    def references(self, folder: Path) -> None:
        """A grid of training images, ``reals.png``, to compare previews with."""
        batch = next(self._dataset.stream(0, PREVIEWS, seed=0))
        ImageSamples(_pixels([batch["image"]])).save(folder / "reals.png")

    def preview(self, modules: Modules, path: Path) -> None:
        """A grid from the same noise each time, taking classes in turn."""
        begun, sampler = time.monotonic(), self._sampler(modules)
        pixels = _pixels(self._samples(sampler, PREVIEWS, PREVIEW_SEED))
        self._seconds = (time.monotonic() - begun) / PREVIEWS
        labels = self._labels(sampler)
        given = np.arange(PREVIEWS) % len(labels) if labels else None
        samples = ImageSamples(pixels, given, self._dataset.spec.class_names)
        samples.save(path.with_suffix(".png"))

    def evaluate(self, modules: Modules, samples: int) -> Mapping[str, float]:
        """``fd``: the Fréchet distance of ``samples`` samples to the training images."""
        batches = uint8_batches(self._samples(self._sampler(modules), samples, SCORE_SEED))
        reference = self._reference
        [score] = evaluate_images(["fid"], batches, reference.extractor, reference)
        return {"fd": score.value}

    def cost(self, modules: Modules) -> float:
        """Seconds per sample, as measured in the latest preview."""
        return self._seconds

    def _sampler(self, modules: Modules) -> Sampler:
        sampler: Sampler = self._spec.load("sampler")(
            self._config, self._dataset.spec, modules, self._parents
        )
        return sampler

    def _labels(self, sampler: Sampler) -> range:
        """The classes that samples take in turn; empty for a sampler without classes."""
        return range(self._dataset.spec.num_classes if "label" in sampler.conditions else 0)

    def _samples(self, sampler: Sampler, n: int, seed: int) -> Iterator[Tensor]:
        return sample_chunks(
            sampler,
            self._request,
            n,
            seed=seed,
            labels=self._labels(sampler),
            batch_size=BATCH,
            device=self._device,
        )

    @functools.cached_property
    def _reference(self) -> Reference:
        data = self._dataset.spec
        wish = ExtractorRequest(monitor(data.extractor), device=self._device)
        return make_reference(
            self._dataset.uint8_batches(BATCH),
            choose_extractor(wish).extractor,
            name=data.name,
            sha256=data.fingerprint,
        )


def _pixels(chunks: Iterable[Tensor]) -> npt.NDArray[np.generic]:
    """Floats in about [-1, 1] as (N, H, W, C) uint8."""
    images = torch.cat([to_uint8(chunk) for chunk in chunks])
    return images.permute(0, 2, 3, 1).cpu().numpy()
