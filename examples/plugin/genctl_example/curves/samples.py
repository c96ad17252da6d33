"""Curves that a model generated, how they are saved, and how they are scored in training."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genctl.contracts import Monitor
from genctl.files import make_directory, write_atomic
from genctl.outputs.base import ArraySamples, sample_array
from genctl.outputs.callbacks import SampleCallbacks
from genctl_example.curves.dataset import read as read_csv
from genctl_example.curves.metric import distance


@dataclass(frozen=True)
class Curves(ArraySamples):
    """``array`` (N, L), on the scale of the data."""

    def save(self, out):
        text = io.StringIO()
        np.savetxt(text, self.array, "%.6g", delimiter=",")
        make_directory(Path(out).parent)
        write_atomic(Path(out), text.getvalue())
        return Path(out)

    def __str__(self):
        return f"{len(self)} curves"


def generate(model, request, output):
    """What the family's sampler gives, (N, 1, L) in [-1, 1], on the scale of the data."""
    found = sample_array(model, request, output)
    return Curves(found.array[:, 0, 0] * model.data.statistics["scale"])


def read(path):
    return Curves(read_csv(str(path)))


class CurveCallbacks(SampleCallbacks):
    """Previews, and the spectrum of samples in training; the least distance is the best."""

    monitor = Monitor("spectrum", samples=64)

    def evaluate(self, modules, samples):
        data = next(self.dataset.held_out())["image"][:, 0, 0].numpy()
        scale = self.dataset.spec.statistics["scale"]
        return {"spectrum": distance(self.samples(modules, samples).array, data * scale)}
