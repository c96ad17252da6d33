"""What all kinds of output share: the request for samples, and the samples."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from genctl.config import request_from
from genctl.contracts import Sampler
from genctl.data.foreign import readable
from genctl.engine.sampling.driver import sample_chunks
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, nearest, opt
from genctl.files import make_directory, refuse_other_file, write_atomic
from genctl.output import Output
from genctl.registry import OutputKind


@dataclass(frozen=True)
class SampleRequest:
    """A request for samples of a model.

    Attributes:
        n: how many samples.
        seed: sample k depends on it and k alone, not on ``n`` or ``batch_size``.
        labels: classes by number or name; sample k gets ``labels[k % len(labels)]``; all classes
            in turn when None.
        prompts: prompts, for a model that takes them; sample k gets
            ``prompts[k % len(prompts)]``.
        image: an image that samples start from.
        mask: an image, white where ``image`` is regenerated.
        between: interpolate from sample 0 to sample 1 in ``n`` samples, all of one class.
        batch_size: samples per batch.
        options: the family's own sampling options.
    """

    n: int
    seed: int = 0
    labels: Sequence[int | str] | None = None
    prompts: Sequence[str] = ()
    image: Path | None = None
    mask: Path | None = None
    between: bool = False
    batch_size: int = 64
    options: Mapping[str, Any] = field(default_factory=dict)

    def refuse_below_one(self) -> None:
        """Refuse numbers of samples below 1.

        Raises:
            GenctlError: (USAGE) there is one.
        """
        for name, value in (("n", self.n), ("batch_size", self.batch_size)):
            if value < 1:
                raise GenctlError(
                    ExitStatus.USAGE, f"{opt(name, value)} is below 1", option=name, suggest=64
                )


class Generated(Protocol):
    """Samples of any kind, in order."""

    def __len__(self) -> int: ...

    def __str__(self) -> str:
        """The text that the terminal shows, where samples are shown there."""
        ...

    def save(self, out: str | Path) -> Path:
        """Write them to ``out``, in the format of its suffix."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What is known about them, as plain data: labels, texts ..."""
        ...


@dataclass(frozen=True)
class ArraySamples:
    """Samples as one array, which a kind of output may use directly.

    Attributes:
        array: rows first.
        labels: (N,) int64, the requested class of each sample; None without classes.
        class_names: names of the labels.
    """

    array: npt.NDArray[Any]
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.array)

    def save(self, out: str | Path) -> Path:
        """Write an ``.npz``: ``arr_0`` the samples, ``arr_1`` the labels where there are any.

        Raises:
            GenctlError: (USAGE) another suffix; the place is not writable.
        """
        out = Path(out)
        if out.suffix != ".npz":
            raise GenctlError(
                ExitStatus.USAGE,
                f"cannot save samples as {out.suffix!r}; use .npz",
                option="out",
                suggest=str(out.with_suffix(".npz")),
            )
        make_directory(out.parent)
        buffer = io.BytesIO()
        if self.labels is None:
            np.savez_compressed(buffer, arr_0=self.array)
        else:
            np.savez_compressed(buffer, arr_0=self.array, arr_1=self.labels)
        write_atomic(out, buffer.getvalue())
        return out

    def to_json(self) -> dict[str, Any]:
        """The labels."""
        return {"labels": None if self.labels is None else self.labels.tolist()}


def sample_array(model: LoadedModel, request: SampleRequest, output: Output) -> ArraySamples:
    """The samples of the family's sampler as one array: ``generate`` for a plug-in's output kind.

    Raises:
        GenctlError: a number below 1, an unknown class or option.
    """
    numbers = label_numbers(model, request.labels)
    chunks = request_chunks(model, request, numbers)
    array = np.concatenate([c.cpu().numpy() for c in output.track(chunks, request.n, "sampling")])
    return ArraySamples(array, drawn_labels(numbers, request), model.data.class_names)


def sampled_kind(
    model: LoadedModel, request: SampleRequest, also: Sequence[str] = ()
) -> OutputKind:
    """The kind of the samples of a model, which takes all inputs of a request.

    Args:
        also: names of other inputs that were given, see `OutputKind.inputs`.

    Raises:
        GenctlError: (USAGE) the family has no samples, or its kind of output does not take one of
            the inputs.
    """
    kind = model.output
    if kind is None or "generate" not in kind.targets:
        raise GenctlError(
            ExitStatus.USAGE, f"{model.origin} generates {model.makes}: nothing to sample"
        )
    given = [name for name in ("prompts", "image", "mask", "between") if getattr(request, name)]
    for name in (*given, *also):
        if name not in kind.inputs:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{model.origin} generates {model.makes}, so {opt(name)} does not apply",
                hint=f"leave {opt(name)} out",
                option=name,
            )
    return kind


def request_chunks(
    model: LoadedModel,
    request: SampleRequest,
    labels: Sequence[int],
    *,
    places: Sequence[int] | None = None,
    given: Mapping[str, Tensor] | None = None,
    sampler: Sampler | None = None,
) -> Iterator[Tensor]:
    """The samples as the sampler returns them, in chunks, for many more than fit in memory.

    Args:
        labels: numbers of the classes that samples take in turn.
        places: generate only these samples; all when None.
        given: conditions that all samples share, without a batch axis: key -> tensor.
        sampler: used instead of the model's own.

    Raises:
        GenctlError: (USAGE) a number below 1, an unknown option.
    """
    request.refuse_below_one()
    return sample_chunks(
        sampler or model.sampler(),
        request_from(model.spec, request.options, model.config.sample),
        request.n,
        seed=request.seed,
        places=places,
        labels=labels,
        given=given,
        between=request.between,
        batch_size=request.batch_size,
        device=model.device,
    )


def check_place(kind: OutputKind, out: Path, count: int) -> None:
    """Refuse a place where ``count`` samples cannot be kept, before they are generated.

    Raises:
        GenctlError: (USAGE) a suffix that the kind does not name, as its target ``check``, or as
            `refuse_other_file`.
    """
    if "check" in kind.targets:
        kind.load("check")(out, count)
    elif out.suffix not in kind.suffixes:
        raise GenctlError(
            ExitStatus.USAGE,
            f"cannot save {kind.words[1]} as {str(out)!r}; use {' or '.join(kind.suffixes)}",
            option="out",
            suggest=str(out.with_suffix(kind.suffixes[0])),
        )
    if out.suffix:
        refuse_other_file(out)


def label_numbers(model: LoadedModel, wanted: Sequence[int | str] | None) -> list[int]:
    """The classes that samples take in turn, by number; empty for a model without classes.

    Raises:
        GenctlError: (USAGE) an unknown class, no class, or classes for a model without them.
    """
    given = None if wanted is None else list(wanted)
    if "label" not in model.sampler().conditions:
        if given:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{model.origin} was trained without classes, so it takes no labels",
                hint=f"leave {opt('labels')} out",
                option="labels",
            )
        return []
    if given is None:
        return list(range(model.data.num_classes))
    if not given:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('labels')} names no class",
            hint=f"leave {opt('labels')} out for all classes in turn",
            option="labels",
            suggest=[0, 1],
        )
    return [class_number(label, model.data.class_names) for label in given]


def drawn_labels(numbers: Sequence[int], request: SampleRequest) -> npt.NDArray[np.int64] | None:
    """The class of each sample; None without classes."""
    if not numbers:
        return None
    first = request.between
    return np.array([numbers[0 if first else k % len(numbers)] for k in range(request.n)])


def class_number(label: int | str, names: Sequence[str]) -> int:
    """The number of a class that is given by its name or number.

    Args:
        label: an integer is a number; a text is a name, or a number if no class has that name.

    Raises:
        GenctlError: (USAGE) there is no such class.
    """
    for name in (label, readable(label)) if isinstance(label, str) else ():
        if name in names:  # as it is typed, or as a name in another encoding was read
            return names.index(name)
    if str(label).isdecimal() and int(label) < len(names):
        return int(label)
    text = str(label)
    shown = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
    close = nearest(text, names)
    remedy = f"did you mean {close[0]!r}?" if close else f"the classes are {shown}"
    raise GenctlError(
        ExitStatus.USAGE,
        f"no class {text!r}; {remedy}",
        option="labels",
        suggest=close[:1] or [0, 1],
    )
