"""The inputs of metrics that need no feature extractor: samples, a model, and its data."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch

from genctl.config import Config
from genctl.contracts import Batch, Dataset, DataSpec, Parents, TextGenerator, Trained
from genctl.data.prepare import prepare
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.evaluation.measures.bits_per_byte import TokenLosses, token_losses
from genctl.registry import MetricSpec, Spec

SAMPLES = 200
"""The default number of samples."""

_OF_MODEL = ("model", "reference", "held_out", "token_losses")


class ScoredModel(Protocol):
    """A trained model as metrics use it; `genctl.engine.sampling.loaded.LoadedModel` is one."""

    @property
    def origin(self) -> Path: ...
    @property
    def trained(self) -> Trained: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def spec(self) -> Spec: ...
    @property
    def config(self) -> Config: ...
    @property
    def data(self) -> DataSpec: ...
    @property
    def parents(self) -> Parents: ...


@dataclass(frozen=True)
class SampleInputs:
    """The inputs of a metric; each part is computed once, when it is first used.

    Attributes:
        name: the name of what is scored, for messages.
        kind: the name of its kind of output.
        model: the model to score; None for existing samples.
        generate: returns a given number of samples; None if there are no samples.
        n: the requested number of samples, or of windows of held-out data; see `count`.
        ref: other data than the model's own; None for the held-out part of its own data.
        context: tokens in a window; None for the model's context.
    """

    name: str
    kind: str
    model: ScoredModel | None = None
    generate: Callable[[int], Sized] | None = None
    n: int | None = None
    ref: str | None = None
    context: int | None = None

    @property
    def count(self) -> int:
        """The requested number of samples."""
        return SAMPLES if self.n is None else self.n

    @cached_property
    def samples(self) -> Any:
        """The samples of the kind of output, such as those of `genctl.outputs.text.samples`.

        Raises:
            GenctlError: the model cannot generate.
        """
        if self.generate is None:
            raise GenctlError(ExitStatus.USAGE, f"{self.name} has no samples to measure")
        return self.generate(self.count)

    @cached_property
    def reference(self) -> Dataset:
        """The data set, prepared for the model: `ref`, otherwise the model's training data.

        Raises:
            GenctlError: there is no model, or the data cannot be read or have changed.
        """
        return _prepared_again(self._model("reference"), self.ref, self.window)

    @property
    def held_out(self) -> Iterator[Batch]:
        """One pass over the examples to score: all of `ref`, otherwise the held-out part.

        Raises:
            GenctlError: as `reference`; the data set has no held-out part.
        """
        data: Any = self.reference
        if self.ref is not None and hasattr(data, "everything"):
            everything: Iterator[Batch] = data.everything()
            return everything
        batches: Iterator[Batch] | None = data.held_out()
        if batches is None:
            raise GenctlError(ExitStatus.DATA, f"{data.spec.name} has no held-out examples")
        return batches

    @cached_property
    def token_losses(self) -> TokenLosses:
        """The losses of the windows of `held_out`, of the first batches with at least `n` windows.

        Raises:
            GenctlError: as `held_out`.
        """
        model = self._model("token_losses")
        batches = self.held_out if self.n is None else _first(self.held_out, self.n)
        generator: TextGenerator = model.spec.load("sampler")(
            model.config, model.data, model.trained.modules, model.parents
        )
        return token_losses(generator.token_losses, batches, model.device)

    @property
    def window(self) -> int | None:
        """Tokens in a window; None if examples are not windows.

        Raises:
            GenctlError: (USAGE) `context` is outside the range of the model.
        """
        model = self._model("context")
        if not model.data.main.asset:
            return None
        most = model.data.shape[0]
        if self.context is not None and not 1 < self.context <= most:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('context', self.context)} is not from 2 to {most}, the context of the model",
                option="context",
                suggest=most,
            )
        return self.context or most

    @property
    def data_name(self) -> str:
        """The name in signatures of the part of the data set that `held_out` reads."""
        return f"{self.reference.spec.name}.{'valid' if self.ref is None else 'all'}"

    @property
    def about_data(self) -> str:
        """`data_name` with a description."""
        if self.ref is not None:
            return f"{self.data_name}: all of {self.ref}"
        return f"{self.data_name}: the part of the training {self.kind} that was held out"

    def missing(self, spec: MetricSpec) -> GenctlError | None:
        """The error for the first missing input of a metric."""
        for need in sorted(spec.needs):
            if need in _OF_MODEL and self.model is None:
                why = f"needs a model that generates {self.kind}, and {self.name} is not one"
            elif need == "samples" and self.generate is None:
                why = f"needs samples, and {self.name} generates none"
            elif need == "token_losses" and not self._predicts_tokens():
                why = f"needs a model that predicts tokens, and {self.name} does not"
            elif need not in (*_OF_MODEL, "samples"):
                why = f"needs {need}, which {self.kind} does not have"
            else:
                continue
            return GenctlError(ExitStatus.USAGE, f"{spec.name} {why}", option="metric")
        return None

    def _predicts_tokens(self) -> bool:
        return (
            self.model is not None
            and "mask" not in self.model.spec.reads
            and bool(self.model.data.main.asset)
        )

    def _model(self, what: str) -> ScoredModel:
        if self.model is None:
            raise GenctlError(ExitStatus.USAGE, f"{self.name} is not a model: it has no {what}")
        return self.model


def _first(batches: Iterator[Batch], windows: int) -> Iterator[Batch]:
    """Yield whole batches until there are ``windows`` windows."""
    seen = 0
    for batch in batches:
        yield batch
        seen += len(batch.positions)
        if seen >= windows:
            return


def _prepared_again(model: ScoredModel, ref: str | None, context: int | None) -> Dataset:
    """The data set of ``ref``, or the model's own, prepared as the model's was.

    If an option of the kind of data has the name of an asset's folder (``tokenizer`` of
    ``tokenizer/tokenizer.json``), it is set to the model's own file.
    """
    options: Any = model.config.data
    names = {field.name for field in dataclasses.fields(options)}
    values = {"source": ref or model.data.source, "context": context}
    with tempfile.TemporaryDirectory(prefix="genctl-") as folder:
        for name, content in model.trained.assets.items():
            (Path(folder) / Path(name).name).write_bytes(content)
        if asset := model.data.main.asset:
            values[Path(asset).parts[0]] = str(Path(folder) / Path(asset).name)
        known = {k: v for k, v in values.items() if k in names and v is not None}
        config = dataclasses.replace(model.config, data=dataclasses.replace(options, **known))
        try:
            dataset = prepare(config).dataset
        except GenctlError as error:
            if ref is not None:
                raise
            raise GenctlError(
                error.code,
                "the data that the model was trained on cannot be read from here: "
                f"{error.template}",
                hint=f"name other data with {opt('ref')}",
                option="ref",
            ) from None
    if ref is None and dataset.spec.fingerprint != model.data.fingerprint:
        raise GenctlError(
            ExitStatus.DATA,
            f"{model.data.source} is no longer what the model was trained on",
            hint=f"name other data with {opt('ref')}",
            option="ref",
        )
    return dataset
