"""The arguments of `evaluate` as one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from genctl import runs
from genctl.api.models.model import Model, open_model
from genctl.data.images.open_stream import Images
from genctl.export import bundle
from genctl.output import Output
from genctl.outputs.base import Generated
from genctl.runs import Run

Subject: TypeAlias = Model | Run | Images | Generated


@dataclass(frozen=True)
class EvalRequest:
    """One evaluation; see `genctl.evaluate` for what each field means.

    ``metric`` is a name, several names separated by commas, or a list of names.
    """

    metric: str | Sequence[str]
    subject: Subject | None = None
    ref: Subject | None = None
    n: int | None = None
    extractor: str | None = None
    extractor_weights: Path | None = None
    protocol: str | None = None
    precision: str = "auto"
    require: Sequence[str] = ()
    strict: bool = False
    checkpoint: str = "best"
    weights: str = "best"
    seed: int = 1
    batch_size: int = 250
    context: int | None = None
    device: str | None = None
    out: str | Path | None = None

    @property
    def metric_text(self) -> str:
        """The metrics as text, as on the command line."""
        return self.metric if isinstance(self.metric, str) else ",".join(self.metric)

    def opened(self, subject: Subject | None, output: Output) -> Any:
        """Load ``subject`` if it is a model or a run, or the latest run for None.

        Any other subject is returned as it is.

        Raises:
            GenctlError: the model cannot be loaded.
        """
        if subject is None or isinstance(subject, Run) or _is_model(subject):
            origin: Any = subject if subject is None or isinstance(subject, Run) else str(subject)
            return open_model(
                origin,
                checkpoint=self.checkpoint,
                weights=self.weights,
                device=self.device,
                output=output,
            )
        return subject


def _is_model(subject: Subject) -> bool:
    if not isinstance(subject, str | Path):
        return False
    path = Path(subject)
    if path.suffix == ".onnx" or bundle.is_bundle(path):
        return True
    return any((p / "config.json").is_file() for p in (path, runs.runs_root() / path))
