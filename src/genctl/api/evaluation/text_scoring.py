"""``evaluate("bpb")``: how well a model of text predicts text that it was not trained on."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from genctl.api.models.loading import load_model
from genctl.contracts import TextGenerator
from genctl.data.text.dataset import SCORING_BATCH, TokenDataset
from genctl.data.text.prepare import open_tokens
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.evaluation.measures.bits_per_byte import bits_per_byte, token_losses
from genctl.evaluation.score import Score
from genctl.output import Output
from genctl.runs import Run

if TYPE_CHECKING:
    from genctl.data.text.options import TextData


def score_text(
    subject: str | Path | Run | LoadedModel | None,
    ref: str | None,
    n: int | None,
    context: int | None,
    *,
    output: Output,
    **choice: Any,
) -> tuple[Score, str]:
    """Bits a byte, and which text they are of.

    Args:
        subject: a model, or whatever `load` takes.
        ref: another text, all of it; the held-out part of the model's own when None.
        n: at most so many windows, rounded up to whole batches; all when None.
        context: tokens in a window; the model's when None.
        choice: ``checkpoint``, ``weights`` and ``device`` for `load`.

    Raises:
        GenctlError: no model of text, a context beyond the model's, or a text that cannot be read.
    """
    if not isinstance(subject, LoadedModel):
        subject = load_model(subject, output=output, **choice)
    model = subject
    if model.output is None or "stream" not in model.output.targets:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{model.origin} generates {model.makes}, not text",
            suggest=Suggestion("eval", args=("all", str(model.origin))),
        )
    length = _checked_context(model, context)
    dataset = _dataset(model, ref, length)
    batches = dataset.held_out() if ref is None else dataset.everything()
    if n is not None:
        batches = islice(batches, -(-n // SCORING_BATCH))
    generator: TextGenerator = model.spec.load("sampler")(
        model.config, model.data, model.trained.modules, model.parents
    )
    found = token_losses(generator.token_losses, batches, model.device)
    whole = dataset.valid_bytes if ref is None else dataset.all_bytes
    tokens = dataset.predicted(held_out=ref is None)
    name = f"{dataset.spec.name}.{'valid' if ref is None else 'all'}"
    score = bits_per_byte(
        found,
        model.data,
        # Of a part, the bytes are counted by the average of the whole.
        predicted_bytes=round(whole * float(found.tokens.sum()) / tokens),
        context=length,
        text=name,
        sha256=dataset.spec.fingerprint,
    )
    part = "the part of the training text that was held out" if ref is None else f"all of {ref}"
    return score, f"{name}: {part}"


def _checked_context(model: LoadedModel, wanted: int | None) -> int:
    most = model.data.shape[0]
    if wanted is not None and not 1 < wanted <= most:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('context', wanted)} is not from 2 to {most}, the context of the model",
            option="context",
            suggest=most,
        )
    return wanted or most


def _dataset(model: LoadedModel, ref: str | None, context: int) -> TokenDataset:
    """The text to predict, in the model's own tokens."""
    with tempfile.TemporaryDirectory(prefix="genctl-") as folder:
        for name, content in model.trained.assets.items():
            (Path(folder) / Path(name).name).write_bytes(content)
        tokenizer = str(Path(folder) / "tokenizer.json")
        config = replace(
            cast("TextData", model.config.data),
            source=ref or model.data.source,
            tokenizer=tokenizer,
            context=context,
        )
        try:
            dataset = open_tokens(config)
        except GenctlError as error:
            if ref is not None:
                raise
            raise GenctlError(
                error.code,
                f"the text that the model was trained on cannot be read from here: "
                f"{error.template}",
                hint=f"name a text with {opt('ref')}",
                option="ref",
            ) from None
    if ref is None and dataset.spec.fingerprint != model.data.fingerprint:
        raise GenctlError(
            ExitStatus.DATA,
            f"{model.data.source} is no longer the text that the model was trained on",
            hint=f"name a text with {opt('ref')}",
            option="ref",
        )
    return dataset
