"""Previews and scores of a text model during training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType

from genctl.contracts import Batch, TextGenerator
from genctl.data.text.dataset import TokenDataset
from genctl.engine.training.callbacks import Modules
from genctl.evaluation.measures.bits_per_byte import TokenLosses, token_losses
from genctl.outputs.callbacks import SampleCallbacks


class TextCallbacks(SampleCallbacks):
    """Previews and scores of one run."""

    dataset: TokenDataset
    previews = 3
    options = MappingProxyType({"max_new_tokens": 160})

    def evaluate(self, modules: Modules, samples: int) -> Mapping[str, float]:
        """``bpb``: bits per byte of the first validation windows; ``nats``: per token."""
        found = self._losses(modules, self._windows(samples))
        nats, data = found.nats_per_token, self.dataset
        bytes_per_token = data.valid_bytes / data.predicted(held_out=True)
        return {"bpb": nats / (math.log(2) * bytes_per_token), "nats": nats}

    def cost(self, modules: Modules) -> float:
        """Seconds per window, as measured with the first batch."""
        begun, first = time.monotonic(), next(self._windows(1))
        self._losses(modules, [first])
        return (time.monotonic() - begun) / len(first["mask"])

    def _losses(self, modules: Modules, windows: Iterable[Batch]) -> TokenLosses:
        model = self.model(modules)
        generator: TextGenerator = model.spec.load("sampler")(
            model.config, model.data, modules, model.parents
        )
        return token_losses(generator.token_losses, windows, self.device)

    def _windows(self, count: int) -> Iterator[Batch]:
        """The validation text from its beginning, in whole batches of about ``count`` windows."""
        batches = self.dataset.held_out()
        first = next(batches)
        yield first
        yield from islice(batches, max(0, count // len(first["mask"]) - 1))
