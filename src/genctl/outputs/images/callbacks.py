"""Previews and scores of an image model during training."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from genctl.data.images.dataset import ImageDataset, uint8_batches
from genctl.data.images.stream import BATCH
from genctl.engine.training.callbacks import Modules
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.choose import ExtractorRequest, choose_extractor, monitor
from genctl.evaluation.reference import Reference, make_reference
from genctl.outputs.base import SampleRequest, label_numbers
from genctl.outputs.callbacks import SCORE_SEED, SampleCallbacks
from genctl.outputs.images.generate import image_chunks, pixels_of
from genctl.outputs.images.samples import ImageSamples


class ImageCallbacks(SampleCallbacks):
    """Previews and scores of one run; the reference is read once, when first needed.

    The extractor is not the default of ``eval``, which judges independently.
    """

    dataset: ImageDataset
    previews = 64

    def references(self, folder: Path) -> None:
        """A grid of training images, ``reals.png``, to compare previews with."""
        batch = next(self.dataset.stream(0, self.previews, seed=0))
        ImageSamples(pixels_of(batch["image"])).save(folder / "reals.png")

    def evaluate(self, modules: Modules, samples: int) -> Mapping[str, float]:
        """``fd``: the Fréchet distance of ``samples`` samples to the training images."""
        model = self.model(modules)
        request = SampleRequest(samples, seed=SCORE_SEED, batch_size=BATCH)
        batches = uint8_batches(image_chunks(model, request, label_numbers(model, None)))
        reference = self._reference
        [score] = evaluate_images(["fid"], batches, reference.extractor, reference)
        return {"fd": score.value}

    @functools.cached_property
    def _reference(self) -> Reference:
        data = self.dataset.spec
        wish = ExtractorRequest(monitor(data.extractor), device=self.device)
        return make_reference(
            self.dataset.uint8_batches(BATCH),
            choose_extractor(wish).extractor,
            name=data.name,
            sha256=data.fingerprint,
        )
