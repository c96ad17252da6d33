"""Models in Python: train, load, report and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genctl.api.datasets.given import source_of
from genctl.api.models import exporting
from genctl.api.models.model import Model, open_model
from genctl.api.pages.run_page import write_run_page
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.runs import Run, find_or_newest


def train(
    family: str,
    *,
    data: Any = None,
    preset: str | None = None,
    config: str | Path | None = None,
    budget: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    new: bool = False,
    device: str | None = None,
    threads: int | None = None,
    log: Sequence[str] = (),
    eval_every: str | None = None,
    download: bool = False,
    sets: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Train a family, or continue an unfinished run of the same configuration and data.

    >>> run = genctl.train("gan", preset="mlp", budget="2steps", batch_size=8, evaluations=0)
    >>> run.finished
    True

    Args:
        family: the registered name, e.g. ``"gan"``.
        data: a built-in name; the path of a folder or file; an array of images (N, H, W, C) uint8,
            or a pair of images and labels; a list of texts; a torch ``Dataset`` or a Hugging Face
            ``Dataset``.
        preset: the preset to start from; when None, the one that suits data and device.
        config: a TOML or JSON file of settings.
        budget: how long to train, e.g. ``"5m"``, ``"20steps"`` or ``"250k"`` examples.
        seed: the seed of all randomness; 0 if neither this nor another layer sets it.
        out: the run directory; the next free name under the root when None.
        new: never resume.
        device: where training runs; the best available device when None.
        threads: number of CPU threads; PyTorch's default when None.
        log: loggers besides ``metrics.jsonl``: ``tensorboard``, ``wandb`` or a plug-in's.
        eval_every: share or amount of the budget between scores, instead of their number.
        download: download a named data set that is not on this machine.
        sets: settings as texts, e.g. ``["lr=1e-4"]``.
        options: settings with dotted keys, e.g. ``{"train.lr": 1e-4}``.
        settings: any other key of the configuration, e.g. ``lr=1e-4``.

    Returns:
        The finished run.

    Raises:
        GenctlError: the input is invalid, or training failed; what was saved stays.
    """
    request = TrainRequest(
        family,
        data=source_of(data),
        preset=preset,
        config=config,
        sets=sets,
        options={**(options or {}), **settings},
        budget=budget,
        seed=seed,
        out=out,
        new=new,
        device=device,
        threads=threads,
        log=log,
        eval_every=eval_every,
        download=download,
    )
    return run_training(request)


def load(
    origin: str | Path | Run | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
) -> Model:
    """Load a trained model.

    >>> model = genctl.load(run)
    >>> len(model.sample(4))
    4

    Args:
        origin: a run (path, name or `Run`), a folder that `export` wrote, or an ``.onnx`` file of
            genctl; the latest run with a checkpoint when None.
        checkpoint: the checkpoint of a run: ``best``, ``last`` or a step.
        weights: the weights of a run: an average's name such as ``ema``, or ``raw``. ``best`` is
            the average that scored best at the best checkpoint; at other checkpoints it is the
            first average, or ``raw`` if there is none.
        device: where the model runs; the best available device when None.

    Raises:
        GenctlError: ``origin`` does not exist, is damaged, or was not written by genctl.
    """
    return open_model(origin, checkpoint=checkpoint, weights=weights, device=device)


def report(run: str | Path | Run | None = None, out: str | Path | None = None) -> Path:
    """Write a run as one HTML file: curves, samples, settings, scores.

    >>> genctl.report(run).name
    'report.html'

    Args:
        run: a run, its path or name; the newest when None.
        out: the file; ``report.html`` in the run when None.

    Raises:
        GenctlError: (DATA) the run does not exist or is damaged; the file is not writable.
    """
    found = run if isinstance(run, Run) else find_or_newest(None if run is None else str(run))
    return write_run_page(found, None if out is None else Path(out))


def export(
    origin: str | Path | Run | None = None,
    format: str = "safetensors",
    out: str | Path | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
) -> exporting.Exported:
    """Write a trained model in a format that other programs read, and check the result there.

    >>> genctl.export(run).format
    'safetensors'

    Args:
        origin, checkpoint, weights, device: as for `load`.
        format: ``safetensors``, or another format of the family, e.g. ``onnx``.
        out: the folder or file to write; when None, in ``export/`` of the run, or next to the
            export.

    Raises:
        GenctlError: (USAGE) the format is unknown, ``out`` exists, or a package is missing;
            (PROOF_FAILED) the export computes something else than the model, and was not kept.
    """
    return exporting.export(
        origin,
        format,
        None if out is None else Path(out),
        checkpoint=checkpoint,
        weights=weights,
        device=device,
    )
