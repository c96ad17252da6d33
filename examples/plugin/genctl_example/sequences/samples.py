"""Sequences that a model generated, how they are saved, and how they are scored in training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from genctl.contracts import Monitor
from genctl.files import make_directory, write_atomic
from genctl.outputs.callbacks import SampleCallbacks
from genctl.outputs.tokens import sample_tokens
from genctl_example.sequences.data import LETTERS
from genctl_example.sequences.dataset import read as read_fasta
from genctl_example.sequences.metric import gc


@dataclass(frozen=True)
class Sequences:
    bases: tuple[str, ...]

    def __len__(self):
        return len(self.bases)

    def __str__(self):
        return "".join(f">{k}\n{bases}\n" for k, bases in enumerate(self.bases))

    def save(self, out):
        make_directory(Path(out).parent)
        write_atomic(Path(out), str(self))
        return Path(out)

    def to_json(self):
        return {"samples": list(self.bases)}


def generate(model, request, output):
    """A prompt is a beginning in letters; what a model writes ends with a ``>`` or the length."""
    prompts = [[LETTERS.index(x if x in LETTERS else "N") for x in p] for p in request.prompts]
    found = sample_tokens(model, request, prompts or [()])
    return Sequences(tuple("".join(LETTERS[t] for t in s.prompt + s.tokens) for s in found))


def read(path):
    return Sequences(tuple(read_fasta(str(path))))


class SequenceCallbacks(SampleCallbacks):
    """Previews, and the GC content of samples in training; the nearest to the data is the best."""

    monitor = Monitor("gc-error", samples=32)
    options = MappingProxyType({"max_new_tokens": 32})

    def evaluate(self, modules, samples):
        tokens = next(self.dataset.held_out())["tokens"].flatten().tolist()
        real = gc("".join(LETTERS[token] for token in tokens))
        found = fmean(map(gc, self.samples(modules, samples).bases))
        return {"gc": found, "gc-error": abs(found - real)}
