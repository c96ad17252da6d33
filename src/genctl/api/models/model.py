"""A trained model for Python, loaded from a run, an export or an ONNX file, ready to sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from genctl.api.models.exporting import write
from genctl.api.models.loading import load_model
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError
from genctl.output import QUIET, Output
from genctl.outputs.base import Generated, SampleRequest, sampled_kind
from genctl.outputs.images import generate as images
from genctl.outputs.images.samples import ImageSamples
from genctl.outputs.text import generate as texts
from genctl.outputs.text.samples import TextSamples
from genctl.runs import Run


@dataclass(frozen=True)
class Model(LoadedModel):
    """A trained model, ready to sample; see `LoadedModel` for its attributes."""

    def generate(self, request: SampleRequest | int, output: Output = QUIET) -> Generated:
        """Generate samples of any kind.

        >>> str(model.generate(2))
        '2 images'

        Args:
            request: the request, or only the number of samples.

        Raises:
            GenctlError: as `sample`; (USAGE) the family has no samples, or its kind of output does
                not take one of the inputs.
        """
        if isinstance(request, int):
            request = SampleRequest(request)
        kind = sampled_kind(self, request)
        found: Generated = kind.load("generate")(self, request, output)
        return found

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        labels: Sequence[int | str] | None = None,
        image: str | Path | None = None,
        mask: str | Path | None = None,
        between: bool = False,
        batch_size: int = 64,
        options: Mapping[str, Any] | None = None,
    ) -> ImageSamples:
        """``n`` images; image k depends on ``seed`` and k, not on ``n`` or ``batch_size``.

        >>> model.sample(4, seed=1, labels=[0, 1]).array.shape
        (4, 8, 8, 1)

        Args:
            labels: classes by number or name; image k gets ``labels[k % len(labels)]``. All
                classes in turn when None.
            image: an image that the samples are generated from.
            mask: an image, white where ``image`` is regenerated; the rest of ``image`` is kept.
            between: interpolate from image 0 to image 1 in ``n`` images, all of one class.
            options: the family's own sampling options, e.g. ``{"truncation": 0.7}``.

        Raises:
            GenctlError: a number is below 1, a class or option is unknown, an image cannot be
                used, or the model does not generate images.
        """
        request = SampleRequest(
            n,
            seed=seed,
            labels=labels,
            image=None if image is None else Path(image),
            mask=None if mask is None else Path(mask),
            between=between,
            batch_size=batch_size,
            options=options or {},
        )
        self._require_method("sample")
        return cast("ImageSamples", self.generate(request))

    def write(
        self,
        n: int = 1,
        *,
        prompts: Sequence[str] = (),
        seed: int = 0,
        batch_size: int = 64,
        options: Mapping[str, Any] | None = None,
    ) -> TextSamples:
        """``n`` texts; text k depends on ``seed``, k and its prompt alone.

        >>> len(writer.write(2, prompts=["The "], options={"max_new_tokens": 8}))
        2

        Args:
            prompts: the prompts; text k continues ``prompts[k % len(prompts)]``.
            options: the family's own sampling options, e.g. ``{"temperature": 0.7}``.

        Raises:
            GenctlError: a number is below 1, an option is unknown, the model cannot read a prompt,
                or the model does not generate text.
        """
        request = SampleRequest(
            n, seed=seed, prompts=prompts, batch_size=batch_size, options=options or {}
        )
        self._require_method("write")
        return cast("TextSamples", self.generate(request))

    def stream(
        self, prompt: str = "", *, seed: int = 0, options: Mapping[str, Any] | None = None
    ) -> Iterator[str]:
        """One text, in pieces as they are generated; joined, they equal the text from `write`.

        >>> pieces = list(writer.stream("The "))
        >>> "".join(pieces) == writer.write(prompts=["The "]).samples[0].text
        True

        Raises:
            GenctlError: as `write`.
        """
        self._require_method("write")
        request = SampleRequest(1, seed=seed, prompts=[prompt], options=options or {})
        return (piece.text for piece in texts.stream(self, request))

    def trajectory(
        self,
        n: int = 16,
        *,
        seed: int = 0,
        labels: Sequence[int | str] | None = None,
        image: str | Path | None = None,
        mask: str | Path | None = None,
        between: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> list[ImageSamples]:
        """The images that `sample` would return, as they are after each step of the sampler.

        >>> len(model.trajectory(2, options={"steps": 5}))
        5

        Raises:
            GenctlError: (USAGE) as `sample`; the family generates in one step.
        """
        self._require_method("sample")
        request = SampleRequest(
            n,
            seed=seed,
            labels=labels,
            image=None if image is None else Path(image),
            mask=None if mask is None else Path(mask),
            between=between,
            options=options or {},
        )
        return images.trajectory(self, request)

    def export(self, format: str = "safetensors", out: str | Path | None = None) -> Path:
        """Write the model in a format that other programs read, and check the result there.

        >>> model.export("safetensors").is_dir()
        True

        Args:
            format: ``safetensors``, or another format of the family, e.g. ``onnx``.
            out: the folder or file to write; when None, in ``export/`` of the run, or next to the
                export.

        Returns:
            The folder or file.

        Raises:
            GenctlError: the format is unknown, ``out`` exists, or the proof failed.
        """
        return write(self, format, None if out is None else Path(out)).path

    def _require_method(self, name: str) -> None:
        """Refuse a method that returns another kind of samples than the model generates.

        Raises:
            GenctlError: (USAGE) it returns another kind.
        """
        if self.output is not None and self.output.method != name:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{self.origin} generates {self.makes}; use Model.{self.output.method}",
            )


def open_model(
    origin: str | Path | Run | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
    output: Output = QUIET,
) -> Model:
    """`load_model` as a `Model`."""
    loaded = load_model(
        origin, checkpoint=checkpoint, weights=weights, device=device, output=output
    )
    return Model(**vars(loaded))
