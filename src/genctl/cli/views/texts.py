"""How ``genctl sample`` shows text: as it is written, as a document, as lines, or in a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genctl.cli.context import Context
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Mode

if TYPE_CHECKING:
    from genctl.api.models.model import Model
    from genctl.decoding.generate import TextChunk
    from genctl.outputs.text.samples import TextSamples


@dataclass(frozen=True)
class TextContext:
    """What was asked of ``sample`` on a model of text."""

    model: Model
    prompts: Sequence[str]
    n: int | None
    seed: int
    labels: str | None
    batch_size: int
    out: Path | None
    jsonl: bool

    @property
    def count(self) -> int:
        """How many samples: one a prompt, unless a number was given."""
        return max(1, len(self.prompts)) if self.n is None else self.n


def given_prompts(typed: Sequence[str], file: Path | None) -> list[str]:
    """The prompts of ``--prompt`` and then those of ``--prompts``.

    Raises:
        GenctlError: the file cannot be read, or holds none.
    """
    if file is None:
        return list(typed)
    from genctl.decoding.prompts import read_prompts

    return [*typed, *read_prompts(file)]


def show_texts(call: Context, wanted: TextContext) -> None:
    """Write the texts, and show or keep them in the way that was asked for."""
    from genctl.outputs.text.samples import check_text_place

    if wanted.jsonl and call.output.mode is Mode.JSON:
        raise GenctlError(ExitStatus.USAGE, "--json and --jsonl exclude each other")
    if wanted.out is not None:
        check_text_place(wanted.out)
    live = wanted.count == 1 and wanted.out is None and not wanted.jsonl
    started = time.perf_counter()
    if live and call.output.mode is not Mode.JSON:
        texts = _live(call, wanted)
    else:
        texts = _whole(call, wanted)
        _deliver(call, wanted, texts)
    seconds = time.perf_counter() - started
    tokens = sum(sample.tokens for sample in texts.samples)
    model = wanted.model
    step = f" of step {model.step}" if model.step is not None else ""
    call.output.say(
        f"{tokens} tokens in {seconds:.1f} s ({tokens / seconds:.0f}/s), {model.weights} weights"
        f"{step}, seed {wanted.seed}"
    )


def _whole(call: Context, wanted: TextContext) -> TextSamples:
    from genctl.outputs.text.samples import TextSamples

    texts = wanted.model.sample(
        wanted.count,
        seed=wanted.seed,
        labels=None if wanted.labels is None else wanted.labels.split(","),
        prompts=wanted.prompts,
        batch_size=wanted.batch_size,
        options=call.options,
        output=call.output,
    )
    assert isinstance(texts, TextSamples)
    return texts


def _live(call: Context, wanted: TextContext) -> TextSamples:
    """One text, its pieces shown as they come."""
    from genctl.outputs.text.generate import collect, pieces
    from genctl.outputs.text.samples import TextSamples

    if wanted.labels is not None:
        wanted.model.labels(wanted.labels.split(","))
    prompts = list(wanted.prompts) or [""]
    found = pieces(wanted.model, prompts, 1, seed=wanted.seed, batch_size=1, options=call.options)
    call.output.piece(prompts[0])
    texts = TextSamples(collect(_shown(call, found), prompts, 1))
    call.output.piece("\n")
    return texts


def _shown(call: Context, found: Iterator[TextChunk]) -> Iterator[TextChunk]:
    for piece in found:
        call.output.piece(piece.text)
        yield piece


def _deliver(call: Context, wanted: TextContext, texts: TextSamples) -> None:
    path = None if wanted.out is None else texts.save(wanted.out)
    if wanted.jsonl and path is None:
        call.output.piece(texts.jsonl())
        return
    shown = str(texts) if path is None else f"{path}: {len(texts)} texts of {wanted.model.origin}"
    call.output.result(
        {
            "path": None if path is None else str(path),
            "n": len(texts),
            "seed": wanted.seed,
            "samples": [asdict(sample) for sample in texts.samples],
            "kind": "text",
            "weights": wanted.model.weights,
            "step": wanted.model.step,
            "origin": str(wanted.model.origin),
        },
        shown,
        bare=str(texts) if path is None else str(path),
    )
