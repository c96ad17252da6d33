"""Labelling: a first ``labels.csv``, to be corrected by hand."""

from __future__ import annotations

from genctl import runs
from genctl.api.datasets.kinds import call_with, target_at
from genctl.data.findings import Labelled
from genctl.errors import ExitStatus, GenctlError, Suggestion
from genctl.files import typed_path


def label_data(
    source: str, *, pattern: str | None = None, by: str | None = None, device: str | None = None
) -> Labelled:
    """Write labels of the examples of ``source``, which training and evaluation then read.

    Args:
        pattern, by, device: settings of the kind of data; see
            `genctl.api.datasets.image_labels.label_images`.

    Raises:
        GenctlError: (USAGE) ``source`` is a run, or this kind of data cannot be labelled or does
            not have a setting; (DATA) it cannot be read, or is labelled already.
    """
    place = typed_path(source)
    if (place / "checkpoints").is_dir() or not place.exists():
        _refuse_run(source)
    kind, label = target_at(source, "label", "labelled")
    settings = {"pattern": pattern, "by": by, "device": device}
    labelled: Labelled = call_with(kind, label, source, settings=settings)
    return labelled


def _refuse_run(source: str) -> None:
    """Refuse a run: a run has no folder of examples until it is sampled."""
    try:
        run = runs.find(source)
    except GenctlError:
        return
    made = f"{run.name}-images"
    raise GenctlError(
        ExitStatus.USAGE,
        f"{source} is a run, and labels are written for images",
        suggest=Suggestion(
            "sample", {"n": 500, "out": f"{made}/"}, "writes images to label", args=(source,)
        ),
    )
