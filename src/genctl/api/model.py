"""A trained model in memory: from a run, an export or an ONNX file, to samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genctl import registry, runs
from genctl.api.devices import resolve_device
from genctl.config import Config, from_json, request_from
from genctl.contracts import DataSpec, Parents, Sampler, Trained
from genctl.data.images import to_uint8
from genctl.data.samples import Samples, label_numbers
from genctl.engine import checkpoint
from genctl.engine.driver import sample_chunks
from genctl.errors import ExitStatus, GenctlError, nearest
from genctl.export import bundle
from genctl.output import Mode, Output
from genctl.registry import Spec
from genctl.runs import Run
from genctl.seeding import seed_of
from genctl.weights import load_into

QUIET = Output(Mode.QUIET)


@dataclass(frozen=True)
class Model:
    """A trained model, ready to sample.

    Attributes:
        origin: the run, export folder or file that it came from.
        trained: its family, configuration, data and modules.
        weights: which weights these are: ``ema``, ``raw`` ...
        step: the step they were saved at; None when unknown.
        device: where it runs.
        parents: role -> the trained model that plays it.
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

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        labels: Sequence[int | str] | None = None,
        batch_size: int = 64,
        options: Mapping[str, str] | None = None,
        output: Output = QUIET,
    ) -> Samples:
        """``n`` samples; sample k depends on ``seed`` and k, not on ``n`` or ``batch_size``.

        Args:
            labels: classes by number or name; sample k gets ``labels[k % len(labels)]``. All
                classes in turn when None.
            options: the family's own sampling options as text, e.g. ``{"truncation": "0.7"}``.
            output: where to show progress.

        Raises:
            GenctlError: a number below 1, an unknown class or option, a family without samples.
        """
        numbers = self.labels(labels)
        chunks = self.chunks(n, seed=seed, labels=numbers, batch_size=batch_size, options=options)
        tracked = output.track(chunks, n, "sampling")
        array = np.concatenate([_to_array(chunk, self.spec.output) for chunk in tracked])
        given = np.array([numbers[k % len(numbers)] for k in range(n)]) if numbers else None
        return Samples(self.spec.output or "", array, given, self.data.class_names)

    def chunks(
        self,
        n: int,
        *,
        seed: int = 0,
        labels: Sequence[int] = (),
        batch_size: int = 64,
        options: Mapping[str, str] | None = None,
    ) -> Iterator[Tensor]:
        """`sample` as a stream of raw chunks, for many more samples than fit in memory."""
        for name, value in (("n", n), ("batch-size", batch_size)):
            if value < 1:
                raise GenctlError(
                    ExitStatus.USAGE, f"--{name} {value} is below 1", hint=f"--{name} 64"
                )
        request = request_from(self.spec, options or {})
        return sample_chunks(
            self.sampler(),
            request,
            n,
            seed=seed,
            labels=labels,
            batch_size=batch_size,
            device=self.device,
        )

    def labels(self, wanted: Sequence[int | str] | None) -> list[int]:
        """The classes that samples take in turn; empty for a model that follows none.

        Raises:
            GenctlError: an unknown class, or classes asked of a model that follows none.
        """
        if "label" not in self.sampler().conditions:
            if wanted:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"{self.origin} was not trained by class, so it takes no labels",
                    hint="leave --labels out",
                )
            return []
        if wanted is None:
            return list(range(self.data.num_classes))
        return label_numbers([str(label) for label in wanted], self.data.class_names)

    def export(self, format: str = "safetensors", out: str | Path | None = None) -> Path:
        """Write the model in a format that other programs read, proved there.

        Args:
            format: ``safetensors``, or one of the family's, e.g. ``onnx``.
            out: where to; ``export/`` of the run, or beside the export, when None.

        Returns:
            The folder or file.

        Raises:
            GenctlError: an unknown format, a place that is taken, or a failed proof.
        """
        from genctl.api.exporting import write

        return write(self, format, None if out is None else Path(out)).path

    def sampler(self) -> Sampler:
        """The family's sampler on these weights.

        Raises:
            GenctlError: the family samples nothing.
        """
        sampler: Sampler = self.spec.load("sampler")(
            self.config, self.data, self.trained.modules, self.parents
        )
        return sampler


def load(
    origin: str | Path | Run | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "ema",
    device: str | None = None,
    output: Output = QUIET,
) -> Model:
    """Load a trained model.

    Args:
        origin: a run (path, name or `Run`), a folder that ``genctl export`` wrote, or an
            ``.onnx`` file of genctl; the latest run with a checkpoint when None.
        checkpoint: of a run: ``best``, ``last`` or a step.
        weights: of a run: ``ema`` or another average's name, or ``raw``.
        device: see `resolve_device`.

    Raises:
        GenctlError: nothing there, or damaged, or not what genctl wrote.
    """
    place = resolve_device(device)
    if isinstance(origin, Run):
        return _load_run(origin, checkpoint, weights, place, output)
    path = Path(origin) if origin is not None else None
    if path is not None and path.suffix == ".onnx":
        return _load_onnx(path)
    if path is not None and bundle.is_bundle(path):
        return _load_bundle(path, place)
    run = _latest() if path is None else runs.find(path)
    if path is None:
        output.say(f"using {run.path}")
    return _load_run(run, checkpoint, weights, place, output)


def build_modules(spec: Spec, config: Config, data: DataSpec, parents: Parents) -> Any:
    """The family's objective with freshly initialised modules, the same for the same seed."""
    torch.manual_seed(seed_of(config.seed, "init"))
    return spec.load("objective")(config, data, parents)


def load_parents(folder: Path, config: Config) -> dict[str, Trained]:
    """The parents that a run or an export keeps a copy of."""
    return {
        role: _load_bundle(folder / "parents" / role, torch.device("cpu")).trained
        for role in config.parents
    }


def _latest() -> Run:
    for run in runs.all_runs():
        if checkpoint.all_checkpoints(run):
            return run
    raise GenctlError(
        ExitStatus.DATA,
        f"no run with a checkpoint under {runs.runs_root()}",
        hint="genctl train gan",
    )


def _load_run(run: Run, wanted: str, weights: str, device: torch.device, output: Output) -> Model:
    path = checkpoint.choose(run, wanted, output.warn)
    document = run.read("config.json")
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = DataSpec.from_json(json.loads((path / "data.json").read_text("utf-8")))
    tensors = checkpoint.group(path, _group_of(path, weights))
    parents = load_parents(run.path, config)
    step = json.loads((path / "state.json").read_text("utf-8"))["index"]
    modules = _filled(spec, config, data, parents, tensors, device)
    return Model(
        run.path, Trained(spec.name, config, data, modules), weights, step, device, parents
    )


def _group_of(path: Path, weights: str) -> str:
    averages = [g.removeprefix("ema.") for g in checkpoint.groups(path) if g.startswith("ema.")]
    if weights in averages:
        return f"ema.{weights}"
    if weights == "raw" or (weights == "ema" and not averages):
        return "model"
    choices = [*averages, "raw"]
    close = nearest(weights, choices) or choices
    raise GenctlError(
        ExitStatus.USAGE, f"no weights {weights!r} in {path}; choose {' or '.join(close)}"
    )


def _load_bundle(path: Path, device: torch.device) -> Model:
    document, tensors = bundle.read(path)
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = DataSpec.from_json(document["data"])
    parents = load_parents(path, config)
    modules = _filled(spec, config, data, parents, tensors, device)
    trained = Trained(spec.name, config, data, modules)
    return Model(path, trained, document["weights"], document["step"], device, parents)


def _load_onnx(path: Path) -> Model:
    from genctl.export import onnx

    document, module = onnx.read(path)
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = DataSpec.from_json(document["data"])
    trained = Trained(spec.name, config, data, {document["role"]: module})
    return Model(path, trained, document["weights"], document["step"], torch.device("cpu"))


def _filled(
    spec: Spec,
    config: Config,
    data: DataSpec,
    parents: Parents,
    tensors: Mapping[str, Tensor],
    device: torch.device,
) -> dict[str, nn.Module]:
    """The modules that ``tensors`` fill, in eval mode; those it does not are left out."""
    modules = build_modules(spec, config, data, parents).modules
    filled = load_into(modules, tensors)
    return {role: modules[role].to(device).eval().requires_grad_(False) for role in filled}


def _to_array(chunk: Tensor, kind: str | None) -> np.ndarray:
    if kind == "image":
        return to_uint8(chunk).permute(0, 2, 3, 1).cpu().numpy()
    return chunk.cpu().numpy()
