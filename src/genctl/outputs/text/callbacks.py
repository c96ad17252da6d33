"""Previews and scores of a text model during training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from genctl.config import Config
from genctl.contracts import Batch, Parents, TextGenerator
from genctl.data.text.dataset import TokenDataset
from genctl.decoding.generate import write
from genctl.engine.sampling.noise import KeyedNoise
from genctl.engine.training.callbacks import Modules
from genctl.evaluation.measures.bits_per_byte import token_losses
from genctl.outputs.base import SampleRequest
from genctl.outputs.text.generate import collect, tokens_of
from genctl.registry import Spec

PREVIEWS, PREVIEW_SEED, PREVIEW_TOKENS = 3, 0, 160


class TextCallbacks:
    """Previews and scores of one run."""

    def __init__(
        self,
        spec: Spec,
        config: Config,
        dataset: TokenDataset,
        parents: Parents,
        device: torch.device,
    ) -> None:
        self._spec = spec
        self._config = config
        self._dataset = dataset
        self._parents = parents
        self._device = device
        self._request = replace(config.sample, max_new_tokens=PREVIEW_TOKENS)

    def preview(self, modules: Modules, path: Path) -> None:
        """Some texts without a prompt, from the same noise each time."""
        generator = self._generator(modules)
        noise = KeyedNoise(("sample", PREVIEW_SEED), range(PREVIEWS), device=self._device)
        prompts = [""] * PREVIEWS
        request = SampleRequest(PREVIEWS, prompts=prompts)
        found = write(
            generator.predictor,
            [tokens_of(prompt, self._dataset.tokenizer, self._dataset.spec) for prompt in prompts],
            self._request,
            noise,
            self._dataset.tokenizer,
            start=generator.start,
        )
        collect(found, request).save(path.with_suffix(".txt"))

    def evaluate(self, modules: Modules, samples: int) -> Mapping[str, float]:
        """``bpb``: bits per byte of the first validation windows; ``nats``: per token."""
        found = token_losses(
            self._generator(modules).token_losses, self._windows(samples), self._device
        )
        nats, data = found.nats_per_token, self._dataset
        bytes_per_token = data.valid_bytes / data.predicted(held_out=True)
        return {"bpb": nats / (math.log(2) * bytes_per_token), "nats": nats}

    def cost(self, modules: Modules) -> float:
        """Seconds per window, as measured with the first batch."""
        begun, first = time.monotonic(), next(self._windows(1))
        token_losses(self._generator(modules).token_losses, [first], self._device)
        return (time.monotonic() - begun) / len(first["mask"])

    def _generator(self, modules: Modules) -> TextGenerator:
        generator: TextGenerator = self._spec.load("sampler")(
            self._config, self._dataset.spec, modules, self._parents
        )
        return generator

    def _windows(self, count: int) -> Iterator[Batch]:
        """The validation text from its beginning, in whole batches of about ``count`` windows."""
        batches = self._dataset.held_out()
        first = next(batches)
        yield first
        yield from islice(batches, max(0, count // len(first["mask"]) - 1))
