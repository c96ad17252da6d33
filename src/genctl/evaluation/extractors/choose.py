"""Chooses the extractor of a command, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from genctl.config.aliases import current_precision
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt, unknown
from genctl.evaluation.extractors.base import Extractor
from genctl.evaluation.extractors.custom import CustomExtractor
from genctl.evaluation.extractors.digits import DigitMonitorExtractor, DigitsExtractor
from genctl.evaluation.extractors.fast import in_half
from genctl.evaluation.extractors.flat import PixelExtractor
from genctl.evaluation.extractors.inception.extractor import InceptionExtractor
from genctl.evaluation.extractors.inception.weights import find_weights, missing_weights
from genctl.evaluation.extractors.protocols import DEFAULT, find_protocol
from genctl.evaluation.extractors.rand import RandExtractor, RandMonitorExtractor
from genctl.evaluation.extractors.vision import PREFIX, VisionExtractor, is_vision

_BUNDLED: Mapping[str, Callable[[torch.device | str], Extractor]] = {
    "digits": DigitsExtractor,
    "rand": RandExtractor,
    "px": PixelExtractor,
    "digits-monitor": DigitMonitorExtractor,
    "rand-monitor": RandMonitorExtractor,
}
EXTRACTORS = ("inception", *_BUNDLED)
CLASSIFIERS: Mapping[str, str] = {
    "digits": "for images of digits",
    "inception": "with its weights",
}
"""The extractors that classify, without those that choose checkpoints -> when one suits."""
PRECISIONS = ("fp32", "bf16")


def monitor(data_extractor: str) -> str:
    """The extractor that chooses checkpoints, given the data's own extractor, if any.

    It is never the extractor of reported scores: a model that a network chose gets too good a score
    from the same network. An extractor without a monitor of its own, such as that of a plug-in, is
    monitored with random weights.
    """
    own = f"{data_extractor}-monitor"
    return own if own in _BUNDLED else "rand-monitor"


@dataclass(frozen=True)
class ExtractorChoice:
    """An extractor, and the reason for the choice in half a sentence."""

    extractor: Extractor
    reason: str


@dataclass(frozen=True)
class ExtractorRequest:
    """The user's options for the extractor.

    Attributes:
        name: one of `EXTRACTORS`, ``torchvision:NAME`` or ``module:callable``; None to choose one
            for the data.
        weights: a file of Inception weights, verified or not, or of torchvision's network.
        protocol: one of `PROTOCOLS`; selects Inception if no name is given.
        precision: ``fp32`` or ``bf16``; ``auto``, ``exact`` (fp32) and ``fast`` (bf16) too.
        device: where to compute.
    """

    name: str | None = None
    weights: Path | None = None
    protocol: str | None = None
    precision: str = "fp32"
    device: torch.device | str = "cpu"

    @property
    def dtype(self) -> str:
        """One of `PRECISIONS`, or an unknown name; ``auto`` means ``fp32``."""
        return "fp32" if self.precision == "auto" else current_precision(self.precision)


def choose_extractor(
    wish: ExtractorRequest, *, data_extractor: str | None = None, classifier: bool = False
) -> ExtractorChoice:
    """The extractor that was asked, otherwise the best one available for the data.

    Without a request it is the data's own extractor if there is one. Otherwise it is Inception, if
    verified weights are on this machine, and a network with random weights if not. Nothing is ever
    downloaded.

    Args:
        wish: the requested options.
        data_extractor: the data's own extractor, if there is one.
        classifier: whether it must classify, which networks with random weights do not.

    Raises:
        GenctlError: (USAGE) an unknown name, or options that contradict each other; (DATA) the
            weights are missing or unreadable.
    """
    _check(wish)
    choice = _choose(wish, data_extractor, classifier)
    if wish.protocol and not isinstance(choice.extractor, InceptionExtractor):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('protocol')} is for the inception extractor, not for {choice.extractor.name!r}",
            hint=f"leave {opt('protocol')} out",
            option="protocol",
            suggest=Suggestion("", {"extractor": "inception"}),
        )
    if wish.dtype == "fp32":
        return choice
    return replace(choice, extractor=in_half(choice.extractor))


def _check(wish: ExtractorRequest) -> None:
    if wish.name is not None and wish.name not in EXTRACTORS and ":" not in wish.name:
        raise unknown("extractor", wish.name, EXTRACTORS, option="extractor")
    if wish.dtype not in PRECISIONS:
        raise unknown("precision", wish.precision, PRECISIONS, option="precision")
    find_protocol(wish.protocol or DEFAULT)
    takes_weights = wish.name in (None, "inception") or is_vision(wish.name)
    if wish.weights is not None and not takes_weights:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('extractor_weights')} is for the inception extractor and "
            f"{PREFIX}NAME, not for {wish.name!r}",
            hint=f"leave {opt('extractor_weights')} or {opt('extractor')} out",
            option="extractor_weights",
        )


def _choose(
    wish: ExtractorRequest, data_extractor: str | None, classifier: bool
) -> ExtractorChoice:
    if wish.name is not None and is_vision(wish.name):
        vision = VisionExtractor(wish.name, wish.weights, wish.device)
        source = f"weights from {wish.weights}" if wish.weights else "as asked, with random weights"
        return ExtractorChoice(vision, source)
    if wish.weights is not None:
        return ExtractorChoice(_inception(wish, wish.weights), f"weights from {wish.weights}")
    name = "inception" if wish.name is None and wish.protocol else wish.name
    if name is not None:
        return ExtractorChoice(_build(name, wish), "as asked")
    if data_extractor is not None:
        return ExtractorChoice(_build(data_extractor, wish), "default for this data")
    search = find_weights()
    if search.path:
        return ExtractorChoice(_inception(wish, search.path), f"verified weights at {search.path}")
    if classifier:
        raise missing_weights(search)
    reason = "; ".join(["no verified Inception weights on this machine", *search.rejected])
    return ExtractorChoice(RandExtractor(wish.device), reason)


def _build(name: str, wish: ExtractorRequest) -> Extractor:
    if ":" in name:
        return CustomExtractor(name, wish.device)
    if name in _BUNDLED:
        return _BUNDLED[name](wish.device)
    search = find_weights()
    if search.path is None:
        raise missing_weights(search)
    return _inception(wish, search.path)


def _inception(wish: ExtractorRequest, path: Path) -> Extractor:
    halved = wish.dtype == "bf16"
    return InceptionExtractor(path, wish.device, wish.protocol or DEFAULT, halved=halved)
