"""A trained model in memory: from a run, an export or an ONNX file, to samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from genctl.config import request_from
from genctl.contracts import Batch, Noise, Sampler
from genctl.data.images.dataset import to_uint8
from genctl.data.images.edits import read_mask, read_picture
from genctl.engine.sampling.driver import sample_chunks
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, Placeholder, opt
from genctl.output import Mode, Output
from genctl.outputs.images.samples import Samples, label_numbers
from genctl.outputs.text.generate import collect, pieces
from genctl.outputs.text.samples import TextSamples
from genctl.wording import plural

QUIET = Output(Mode.QUIET)


@dataclass(frozen=True)
class Model(LoadedModel):
    """A trained model, ready to sample; see `LoadedModel` for its attributes."""

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        labels: Sequence[int | str] | None = None,
        prompts: Sequence[str] = (),
        image: str | Path | None = None,
        mask: str | Path | None = None,
        between: bool = False,
        batch_size: int = 64,
        options: Mapping[str, Any] | None = None,
        output: Output = QUIET,
    ) -> Samples | TextSamples:
        """``n`` samples; sample k depends on ``seed`` and k, not on ``n`` or ``batch_size``.

        Args:
            labels: classes by number or name; sample k gets ``labels[k % len(labels)]``. All
                classes in turn when None.
            prompts: what a model that writes text goes on with; sample k gets
                ``prompts[k % len(prompts)]``.
            image: a picture that samples are made from.
            mask: a picture, white where ``image`` is to be made anew; the rest of it is kept.
            between: draw the way from sample 0 to sample 1 in ``n`` samples, all of one class.
            options: the family's own sampling options, e.g. ``{"truncation": 0.7}``.
            output: where to show progress.

        Raises:
            GenctlError: a number below 1, an unknown class or option, a prompt or picture that
                cannot be used, a family without samples.
        """
        if self.spec.output == "text" or prompts:
            if image is not None or mask is not None or between:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"{self.origin} generates {plural(self.spec.output)}: it takes either "
                    "prompts or images",
                    option="image",
                )
            return self._texts(n, seed, labels, list(prompts) or [""], batch_size, options or {})
        numbers = self.labels(labels)
        chunks = self.chunks(
            n,
            seed=seed,
            labels=numbers,
            given=self.given(image, mask),
            between=between,
            batch_size=batch_size,
            options=options,
        )
        tracked = output.track(chunks, n, "sampling")
        array = np.concatenate([_to_array(chunk, self.spec.output) for chunk in tracked])
        return Samples(
            self.spec.output or "", array, _drawn(numbers, n, between), self.data.class_names
        )

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
    ) -> list[Samples]:
        """The samples that `sample` would give, as they were seen after each step.

        Raises:
            GenctlError: as `sample`; a family that makes samples in one step.
        """
        sampler = self.sampler()
        if not hasattr(sampler, "trajectory"):
            raise GenctlError(
                ExitStatus.USAGE,
                f"{self.origin} generates in one step, so there is no trajectory to show",
                hint=f"leave {opt('trajectory')} out",
                option="trajectory",
            )
        numbers = self.labels(labels)
        chunks = self.chunks(
            n,
            seed=seed,
            labels=numbers,
            given=self.given(image, mask),
            between=between,
            batch_size=n,
            options=options,
            sampler=_Steps(sampler),
        )
        drawn, names = _drawn(numbers, n, between), self.data.class_names
        kind = self.spec.output or ""
        return [Samples(kind, _to_array(step, kind), drawn, names) for step in next(chunks)]

    def given(self, image: str | Path | None, mask: str | Path | None) -> dict[str, Tensor]:
        """The pictures that samples are made from, by the name of their condition.

        Raises:
            GenctlError: a model that follows none, or pictures that do not fit it.
        """
        if image is None and mask is None:
            return {}
        if image is None:
            raise GenctlError(
                ExitStatus.USAGE,
                "a mask needs the image that it belongs to",
                option="image",
                suggest=Placeholder("IMAGE"),
            )
        if "image" not in self.sampler().conditions:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{self.origin} generates images from noise alone, not from {image}",
                hint=f"leave {opt('image')} out",
                option="image",
            )
        channels, height, width = self.data.shape
        shape = (channels, height, width)
        found = {"image": read_picture(Path(image), shape)}
        if mask is not None:
            found["mask"] = read_mask(Path(mask), shape)
        return found

    def stream(
        self, prompt: str = "", *, seed: int = 0, options: Mapping[str, Any] | None = None
    ) -> Iterator[str]:
        """One text, in pieces as they are written; put together they are what `sample` gives.

        Raises:
            GenctlError: as `sample`.
        """
        found = pieces(self, [prompt], 1, seed=seed, batch_size=1, options=options or {})
        return (piece.text for piece in found)

    def _texts(
        self,
        n: int,
        seed: int,
        labels: Sequence[int | str] | None,
        prompts: list[str],
        batch_size: int,
        options: Mapping[str, Any],
    ) -> TextSamples:
        _refuse_below_one(n, batch_size)
        self.labels(labels)
        found = pieces(self, prompts, n, seed=seed, batch_size=batch_size, options=options)
        return TextSamples(collect(found, prompts, n))

    def chunks(
        self,
        n: int,
        *,
        seed: int = 0,
        places: Sequence[int] | None = None,
        labels: Sequence[int] = (),
        given: Mapping[str, Tensor] | None = None,
        between: bool = False,
        batch_size: int = 64,
        options: Mapping[str, Any] | None = None,
        sampler: Sampler | None = None,
    ) -> Iterator[Tensor]:
        """`sample` as a stream of raw chunks, for many more samples than fit in memory.

        Args:
            places: draw these of the samples; all ``n`` when None.
        """
        _refuse_below_one(n, batch_size)
        request = request_from(self.spec, options or {}, self.config.sample)
        return sample_chunks(
            sampler or self.sampler(),
            request,
            n,
            seed=seed,
            places=places,
            labels=labels,
            given=given,
            between=between,
            batch_size=batch_size,
            device=self.device,
        )

    def labels(self, wanted: Sequence[int | str] | None) -> list[int]:
        """The classes that samples take in turn; empty for a model that follows none.

        Raises:
            GenctlError: an unknown class, or classes asked of a model that follows none.
        """
        if "label" not in self.sampler().conditions:
            if wanted:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"{self.origin} was trained without classes, so it takes no labels",
                    hint=f"leave {opt('labels')} out",
                    option="labels",
                )
            return []
        if wanted is None:
            return list(range(self.data.num_classes))
        return label_numbers([str(label) for label in wanted], self.data.class_names)

    def export(self, format: str = "safetensors", out: str | Path | None = None) -> Path:
        """Write the model in a format that other programs read, proved there.

        Args:
            format: ``safetensors``, or one of the family's, e.g. ``onnx``.
            out: where to; ``export/`` of the run, or beside the export, when None.

        Returns:
            The folder or file.

        Raises:
            GenctlError: an unknown format, a place that is taken, or a failed proof.
        """
        from genctl.api.models.exporting import write

        return write(self, format, None if out is None else Path(out)).path


def _refuse_below_one(n: int, batch_size: int) -> None:
    for name, value in (("n", n), ("batch_size", batch_size)):
        if value < 1:
            raise GenctlError(
                ExitStatus.USAGE, f"{opt(name, value)} is below 1", option=name, suggest=64
            )


class _Steps:
    """A sampler whose chunk is all its steps, (steps, rows, C, H, W)."""

    def __init__(self, sampler: Any) -> None:
        self.conditions: frozenset[str] = sampler.conditions
        self._sampler = sampler

    def sample(self, request: Any, condition: Batch, noise: Noise) -> Tensor:
        steps: Tensor = self._sampler.trajectory(request, condition, noise)
        return steps


def _drawn(numbers: Sequence[int], n: int, between: bool) -> np.ndarray | None:
    """The class of each sample, where there are classes."""
    if not numbers:
        return None
    return np.array([numbers[0 if between else k % len(numbers)] for k in range(n)])


def _to_array(chunk: Tensor, kind: str | None) -> np.ndarray:
    if kind == "image":
        return to_uint8(chunk).permute(0, 2, 3, 1).cpu().numpy()
    return chunk.cpu().numpy()
