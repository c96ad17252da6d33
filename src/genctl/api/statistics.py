"""``stats``: what a Fréchet distance needs to know of real images, in one small file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genctl.api.devices import resolve_device
from genctl.api.model import QUIET
from genctl.api.pictures import source_batches
from genctl.data.sources import open_source
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.choose import choose_extractor
from genctl.evaluation.features import extract
from genctl.evaluation.reference import require_two
from genctl.evaluation.summary import write_summary
from genctl.files import make_directory
from genctl.output import Output


@dataclass(frozen=True)
class Summarised:
    """What `stats` left behind.

    Attributes:
        path: the file.
        n: how many images it is of.
        extractor: the name of what they were seen with.
        reason: why that was taken.
    """

    path: Path
    n: int
    extractor: str
    reason: str


def stats(
    source: str,
    out: str | Path,
    *,
    n: int | None = None,
    extractor: str | None = None,
    extractor_weights: Path | None = None,
    device: str | None = None,
    output: Output = QUIET,
) -> Summarised:
    """Write mean and covariance of a set of images' features, for ``evaluate(ref=...)``.

    Args:
        source: a folder, ``.npz`` or built-in data set of images.
        out: an ``.npz``; replaced if it is there.
        n: at most so many images; all when None.
        extractor, extractor_weights: as for `evaluate`.

    Raises:
        GenctlError: nothing there, fewer than two images, or a file that cannot be written.
    """
    path = Path(out)
    if path.suffix != ".npz":
        raise GenctlError(
            ExitStatus.USAGE, f"--out {path} does not end in .npz", hint=f"--out {path.stem}.npz"
        )
    if n is not None and n < 2:
        raise GenctlError(ExitStatus.USAGE, f"--n {n} is too few", hint="leave --n out")
    opened = open_source(source)
    total = len(opened.images) if n is None else min(n, len(opened.images))
    choice = choose_extractor(
        "fid",
        requested=extractor,
        weights=extractor_weights,
        data_extractor=opened.extractor or None,
        device=resolve_device(device),
    )
    images = output.track(source_batches(opened, total), total, "looking")
    features = extract(choice.extractor, images)
    require_two(features, "reference")
    make_directory(path.parent)
    write_summary(path, features, choice.extractor)
    return Summarised(path, features.count, choice.extractor.name, choice.reason)
