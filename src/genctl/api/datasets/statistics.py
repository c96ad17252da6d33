"""``stats``: what a Fréchet distance needs to know about real images, in one small file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genctl.api.evaluation.streams import SAMPLES
from genctl.data.images.open_stream import open_stream
from genctl.data.images.stream import Draw, evenly_spaced
from genctl.engine.devices import resolve_device
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.evaluation.extractors.choose import ExtractorRequest, choose_extractor
from genctl.evaluation.features import extract
from genctl.evaluation.reference import require_two
from genctl.evaluation.statistics_file import write_summary
from genctl.files import make_directory, refuse_other_file
from genctl.output import QUIET, Output


@dataclass(frozen=True)
class Summarised:
    """What `write_statistics` wrote.

    Attributes:
        path: the file.
        n: number of images.
        extractor: the name of the feature extractor.
        reason: why this extractor was chosen.
    """

    path: Path
    n: int
    extractor: str
    reason: str


def write_statistics(
    source: str | Path | Draw,
    out: str | Path,
    *,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    protocol: str | None = None,
    precision: str = "auto",
    device: str | None = None,
    output: Output = QUIET,
) -> Summarised:
    """Write mean and covariance of a set of images' features, for ``evaluate(ref=...)``.

    Args:
        source: a folder, ``.zip``, ``.npz`` or built-in data set of images, or a function from a
            list of indices to that many images.
        out: an ``.npz`` file, which is replaced if it exists.
        n: maximum number of images; all when None.
        extractor, extractor_weights, protocol, precision: as for `evaluate`.

    Raises:
        GenctlError: there are fewer than two images, or the file cannot be written.
    """
    path = Path(out)
    if path.suffix != ".npz":
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('out', path)} does not end in .npz",
            option="out",
            suggest=f"{path.stem}.npz",
        )
    refuse_other_file(path)
    if n is not None and n < 2:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('n', n)} is below 2",
            hint=f"leave {opt('n')} out",
            option="n",
        )
    opened = open_stream(source, n or SAMPLES)
    rows = evenly_spaced(opened.count, n or opened.count)
    choice = choose_extractor(
        ExtractorRequest(extractor, extractor_weights, protocol, precision, resolve_device(device)),
        data_extractor=opened.extractor or None,
    )
    reading = opened.read(rows)
    reading.batches = output.track(reading.batches, len(rows), opened.verb)
    features = extract(choice.extractor, reading)
    require_two(features, "reference")
    make_directory(path.parent)
    write_summary(path, features, choice.extractor)
    return Summarised(path, features.count, choice.extractor.name, choice.reason)
