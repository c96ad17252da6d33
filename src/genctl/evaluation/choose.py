"""Which extractor a command uses, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.extractors.inception import InceptionExtractor
from genctl.evaluation.extractors.inception_weights import find_weights, missing_weights
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.score import Metric

EXTRACTORS = ("digits", "inception", "rand")


@dataclass(frozen=True)
class Choice:
    """An extractor, and in half a sentence why it was taken."""

    extractor: Extractor
    reason: str


def choose_extractor(
    metric: Metric,
    *,
    requested: str | None = None,
    weights: Path | None = None,
    data_extractor: str | None = None,
    device: torch.device | str = "cpu",
) -> Choice:
    """The extractor that was asked for, else the best there is for the data.

    Without a request: the extractor that belongs to the data; else Inception, if its weights lie
    on this machine and are verified; else random weights. Nothing is ever downloaded.

    Args:
        metric: ``is`` needs a classifier, which random weights are not.
        requested: one of `EXTRACTORS`.
        weights: an Inception weight file; asks for Inception, verified or not.
        data_extractor: the extractor that belongs to the data, if one does.
        device: where to compute.

    Raises:
        GenctlError: (USAGE) an unknown name, or options that contradict each other; (DATA) the
            weights are missing or unreadable.
    """
    if requested is not None and requested not in EXTRACTORS:
        raise unknown("extractor", requested, EXTRACTORS)
    if weights is not None:
        if requested not in (None, "inception"):
            raise GenctlError(
                ExitStatus.USAGE,
                f"--weights is for the inception extractor, not for {requested!r}",
                hint="leave out --weights or --extractor",
            )
        return Choice(InceptionExtractor(weights, device), f"weights from {weights}")
    if requested is not None:
        return Choice(_build(requested, device), "as asked")
    if data_extractor is not None:
        return Choice(_build(data_extractor, device), "it belongs to the data")
    search = find_weights()
    if search.path:
        return Choice(InceptionExtractor(search.path, device), f"verified weights at {search.path}")
    if metric == "is":
        raise missing_weights(search)
    reason = "; ".join(["no verified Inception weights on this machine", *search.rejected])
    return Choice(RandExtractor(device), reason)


def _build(name: str, device: torch.device | str) -> Extractor:
    if name == "digits":
        return DigitsExtractor(device)
    if name == "rand":
        return RandExtractor(device)
    search = find_weights()
    if search.path is None:
        raise missing_weights(search)
    return InceptionExtractor(search.path, device)
