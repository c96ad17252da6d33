"""The functions of ``import genctl``: one a verb, silent, each with an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genctl.api.datasets import check as checking
from genctl.api.datasets import clean as cleaning
from genctl.api.datasets.given import source_of
from genctl.api.datasets.label import Labelled, label_data
from genctl.api.datasets.statistics import Summarised, write_statistics
from genctl.api.evaluation import evaluate as evaluation
from genctl.api.evaluation.evaluate import Evaluation
from genctl.api.evaluation.streams import Subject
from genctl.api.models import exporting
from genctl.api.models.model import Model, open_model
from genctl.api.pages.run_page import write_run_page
from genctl.api.training.request import TrainRequest
from genctl.api.training.train import run_training
from genctl.data.findings import DataCheck
from genctl.evaluation.compare import Comparison, compare_all, read_scores
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

    >>> run = genctl.train("gan", preset="mlp", budget="2steps", batch_size=8, seed=1)
    >>> run.finished
    True

    Args:
        family: registered name, e.g. ``"gan"``.
        data: a built-in name; the path of a folder or file; an array of images (N, H, W, C) uint8,
            or a pair of images and labels; a list of texts; a torch ``Dataset`` or a Hugging Face
            ``Dataset``.
        preset: the values to start from; when None, the one that suits data and device.
        config: a TOML or JSON file of settings.
        budget: how long, e.g. ``"5m"``, ``"20steps"`` or ``"250k"`` examples.
        seed: of all randomness; 0 when neither this nor another layer sets it.
        out: the run directory; the next free name under the root when None.
        new: never resume.
        device, threads: where and with how many; the best there is when None.
        log: loggers besides ``metrics.jsonl``: ``tensorboard``, ``wandb`` or a plug-in's.
        eval_every: share or amount of the budget between scores, instead of their number.
        download: fetch a well-known data set that is not on this machine.
        sets: settings as texts, e.g. ``["lr=1e-4"]``.
        options: settings with dotted keys, e.g. ``{"train.lr": 1e-4}``.
        settings: any other key of the configuration, e.g. ``lr=1e-4``.

    Returns:
        The finished run.

    Raises:
        GenctlError: bad input, or training could not end well; what was saved stays.
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
        checkpoint: of a run: ``best``, ``last`` or a step.
        weights: of a run: an average's name such as ``ema``, or ``raw``; ``best``: the average
            that scored best at the best checkpoint, at others the first, or ``raw`` where there
            is none.
        device: where it runs; the best there is when None.

    Raises:
        GenctlError: nothing there, or damaged, or not what genctl wrote.
    """
    return open_model(origin, checkpoint=checkpoint, weights=weights, device=device)


def evaluate(
    metric: str | Sequence[str],
    subject: Subject | None = None,
    *,
    ref: Subject | None = None,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    protocol: str | None = None,
    precision: str = "exact",
    require: Sequence[str] = (),
    strict: bool = False,
    checkpoint: str = "best",
    weights: str = "best",
    seed: int = 1,
    batch_size: int = 250,
    context: int | None = None,
    device: str | None = None,
    out: str | Path | None = None,
) -> Evaluation:
    """Score a model, samples or files; under torchrun the processes share the images.

    >>> found = genctl.evaluate("fid", run, n=64, extractor="px")
    >>> found.score.name
    'fd[px]'

    Args:
        metric: one or several, as a list or between commas, computed in one pass; ``all``: every
            metric of what the subject generates that can be computed. `genctl.metrics` lists them.
        subject: a model or whatever `load` takes; a folder, ``.zip``, ``.npz`` or named set of
            images; samples, or an array (N, H, W, C) uint8; a function from a list of places to
            that many images; the latest run when None.
        ref: what to compare with, as ``subject``, or an ``.npz`` of statistics, or a text; what
            the model was trained on (of a text, the part that was held out) when None.
        n: how many samples, images or windows of text; 2000 images of a model, all else, when None.
        extractor: ``digits``, ``inception``, ``rand``, ``px`` or ``module:callable``; the one that
            suits the data when None.
        extractor_weights: a file of the extractor's weights.
        protocol: whose way of resizing to follow with Inception: ``tf`` (the default),
            ``pytorch-fid``, ``clean`` or ``torchmetrics``.
        precision: ``exact`` (float32), or ``fast`` (bfloat16, checked on the first images).
        require: names, such as ``fid``, that the scores must qualify for, or nothing is computed.
        strict: fail where there is a warning.
        context: of a text: tokens in a window; the model's when None.
        out: a folder for ``eval.json`` and ``eval.html``; when None, that of the run for ``all``,
            else none.

    Raises:
        GenctlError: an unknown name, nothing to score, nothing to compare with, a name that the
            scores do not qualify for, or, if ``strict``, a warning.
    """
    return evaluation.evaluate(
        metric,
        subject,
        ref=ref,
        n=n,
        extractor=extractor,
        extractor_weights=None if extractor_weights is None else Path(extractor_weights),
        protocol=protocol,
        precision=precision,
        require=require,
        strict=strict,
        checkpoint=checkpoint,
        weights=weights,
        seed=seed,
        batch_size=batch_size,
        context=context,
        device=device,
        out=out,
    )


def compare(first: str | Path, second: str | Path) -> list[Comparison]:
    """Whether two evaluations differ by more than chance.

    >>> genctl.compare("a.json", "b.json")[0].apart
    False

    Args:
        first, second: files of evaluations as JSON.

    Raises:
        GenctlError: (DATA) no such file, or scores that were made differently.
    """
    return compare_all(read_scores(Path(first)), read_scores(Path(second)))


def report(run: str | Path | Run | None = None, out: str | Path | None = None) -> Path:
    """Write a run as one HTML file: curves, samples, settings, scores.

    >>> genctl.report(run).name
    'report.html'

    Args:
        run: a run, its path or name; the newest when None.
        out: the file; ``report.html`` in the run when None.

    Raises:
        GenctlError: (DATA) no such run, or a damaged one; the place is not writable.
    """
    found = run if isinstance(run, Run) else find_or_newest(None if run is None else str(run))
    return write_run_page(found, None if out is None else Path(out))


def check(
    source: str | Path, *, preview: str | Path | None = None, encoding: str | None = None
) -> DataCheck:
    """Look at every example of a data set, before training.

    >>> genctl.check("digits").kind
    'images'

    Args:
        preview: a ``.png`` to write, with up to 64 of the images.
        encoding: of texts without a byte-order mark that are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source, or nothing in it; (USAGE) an option of another kind of
            data.
    """
    place = None if preview is None else Path(preview)
    return checking.check_data(str(source), place, encoding)


def clean(source: str | Path, out: str | Path, **settings: Any) -> Any:
    """Write a copy of a data set without what would harm a training.

    >>> genctl.clean("photos", "photos-clean", size=(8, 8)).kept
    2

    Args:
        settings: of images ``size`` (height, width), ``channels``, ``near``.

    Raises:
        GenctlError: (USAGE) a kind of data that cannot be cleaned, or a place that is taken;
            (DATA) nothing is left.
    """
    return cleaning.clean_data(str(source), out, **settings)


def label(
    source: str | Path,
    *,
    pattern: str | None = None,
    by: str | None = None,
    device: str | None = None,
) -> Labelled:
    """Write ``labels.csv`` into a folder of images, which training and evaluation then follow.

    >>> dict(genctl.label("photos", pattern=r"(\\w)\\.png").counts)
    {'a': 1, 'b': 1}

    Args:
        pattern: a regular expression for the files' paths; its first group is the class.
        by: ``digits``, the bundled classifier; or ``module:callable`` of your own, from images
            (N, H, W, C) uint8 to N labels.

    Raises:
        GenctlError: (USAGE) not one of pattern and classifier; (DATA) no folder of images, or
            labels that are there already.
    """
    return label_data(str(source), pattern=pattern, by=by, device=device)


def stats(
    source: Any,
    out: str | Path,
    *,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    protocol: str | None = None,
    device: str | None = None,
) -> Summarised:
    """Write mean and covariance of a set of images' features, for ``evaluate(ref=...)``.

    >>> genctl.stats("digits", "digits.npz", n=64, extractor="px").n
    64

    Args:
        source: a folder, ``.zip``, ``.npz`` or named set of images, or a function from a list of
            places to that many images.
        out: an ``.npz``; replaced if it is there.
        n: at most so many images; all when None.
        extractor, extractor_weights, protocol: as for `evaluate`.

    Raises:
        GenctlError: nothing there, fewer than two images, or a file that cannot be written.
    """
    return write_statistics(
        source,
        out,
        n=n,
        extractor=extractor,
        extractor_weights=None if extractor_weights is None else Path(extractor_weights),
        protocol=protocol,
        device=device,
    )


def export(
    origin: str | Path | Run | None = None,
    format: str = "safetensors",
    out: str | Path | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
) -> exporting.Exported:
    """Write a trained model in a format that other programs read, and prove it there.

    >>> genctl.export(run).format
    'safetensors'

    Args:
        origin, checkpoint, weights, device: as for `load`.
        format: ``safetensors``, or one of the family's, e.g. ``onnx``.
        out: where to; ``export/`` of the run, or beside the export, when None.

    Raises:
        GenctlError: (USAGE) an unknown format, a place that is taken, a missing package;
            (PROOF_FAILED) the export does not compute what the model does, and was not kept.
    """
    return exporting.export(
        origin,
        format,
        None if out is None else Path(out),
        checkpoint=checkpoint,
        weights=weights,
        device=device,
    )
