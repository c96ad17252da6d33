"""Scores in Python: evaluate, compare, and statistics of real images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genctl.api.datasets.statistics import Summarised, write_statistics
from genctl.api.evaluation import evaluate as evaluation
from genctl.api.evaluation.evaluate import Evaluation
from genctl.api.evaluation.request import EvalRequest, Subject
from genctl.evaluation.compare import Comparison, compare_all, read_scores


def evaluate(
    metric: str | Sequence[str],
    subject: Subject | None = None,
    *,
    ref: Subject | None = None,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    protocol: str | None = None,
    precision: str = "auto",
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
        metric: one or several names, as a list or separated by commas, computed in one pass;
            ``all`` is every metric that can be computed for the kind of output.
            `genctl.metrics` lists them. A parameter follows a dash (``distinct-2``) or is in
            brackets: ``fd[digits]`` is the distance in the features of that extractor.
        subject: a model or whatever `load` takes; a folder, ``.zip``, ``.npz`` or named set of
            images; samples, or an array (N, H, W, C) uint8; a function from a list of indices to
            that many images; a file of texts; the latest run when None.
        ref: what to compare with, as ``subject``, or an ``.npz`` of statistics, or a text; when
            None, what the model was trained on (for text, its held-out part).
        n: number of samples, images or windows of text; when None, 2000 images or 200 texts of a
            model, and all of anything else.
        extractor: ``digits``, ``inception``, ``rand``, ``px`` or ``module:callable``; the one that
            suits the data when None.
        extractor_weights: a file of the extractor's weights.
        protocol: the tool whose resizing Inception uses: ``tf`` (the default), ``pytorch-fid``,
            ``clean`` or ``torchmetrics``.
        precision: the number format of the extractor: ``fp32`` (which ``auto`` means), or ``bf16``,
            which is checked against fp32 on the first images.
        require: names, such as ``fid``, that the scores must qualify for; otherwise nothing is
            computed.
        strict: fail if there is a warning.
        context: number of tokens in a window of text; the model's when None.
        out: a folder for ``eval.json`` and ``eval.html``; when None, the run's folder for ``all``,
            and no folder for other metrics.

    Raises:
        GenctlError: a name is unknown, there is nothing to score or nothing to compare with, the
            scores do not qualify for a required name, or, if ``strict``, there is a warning.
    """
    return evaluation.evaluate(
        EvalRequest(
            metric=metric,
            subject=subject,
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
    )


def compare(first: str | Path, second: str | Path) -> list[Comparison]:
    """Whether two evaluations differ by more than chance.

    >>> genctl.compare("a.json", "b.json")[0].apart
    False

    Args:
        first, second: JSON files of evaluations.

    Raises:
        GenctlError: (DATA) a file does not exist, or the scores were computed differently.
    """
    return compare_all(read_scores(Path(first)), read_scores(Path(second)))


def stats(
    source: Any,
    out: str | Path,
    *,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: str | Path | None = None,
    protocol: str | None = None,
    precision: str = "auto",
    device: str | None = None,
) -> Summarised:
    """Write mean and covariance of a set of images' features, for ``evaluate(ref=...)``.

    >>> genctl.stats("digits", "digits.npz", n=64, extractor="px").n
    64

    Args:
        source: a folder, ``.zip``, ``.npz`` or named set of images, or a function from a list of
            indices to that many images.
        out: an ``.npz`` file, which is replaced if it exists.
        n: maximum number of images; all when None.
        extractor, extractor_weights, protocol, precision: as for `evaluate`.

    Raises:
        GenctlError: there are fewer than two images, or the file cannot be written.
    """
    return write_statistics(
        source,
        out,
        n=n,
        extractor=extractor,
        extractor_weights=None if extractor_weights is None else Path(extractor_weights),
        protocol=protocol,
        precision=precision,
        device=device,
    )
