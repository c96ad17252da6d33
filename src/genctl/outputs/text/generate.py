"""Text from a trained model, streamed or complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from genctl.contracts import DataSpec
from genctl.data.text.tokenizer import Tokenizer
from genctl.decoding.generate import TextChunk
from genctl.engine.sampling.loaded import LoadedModel
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Output
from genctl.outputs.base import SampleRequest
from genctl.outputs.text.samples import TextSample, TextSamples
from genctl.outputs.tokens import token_chunks


def generate(model: LoadedModel, request: SampleRequest, output: Output) -> TextSamples:
    """The requested texts, each complete.

    Raises:
        GenctlError: as `stream`.
    """
    return collect(stream(model, request), request)


def stream(model: LoadedModel, request: SampleRequest) -> Iterator[TextChunk]:
    """Samples 0 to n - 1 in pieces; ``row`` is the number of the sample.

    Sample k continues ``prompts[k % len(prompts)]``; its text depends on the seed, k and its
    prompt alone.

    Raises:
        GenctlError: a number below 1, a prompt that the model cannot read, or a bad option.
    """
    tokenizer = Tokenizer.from_files(model.trained.assets)
    rows = [tokens_of(prompt, tokenizer, model.data) for prompt in _prompts(request)]
    return token_chunks(model, request, rows, tokenizer)


def collect(found: Iterator[TextChunk], request: SampleRequest) -> TextSamples:
    """Join the pieces of each sample."""
    n, prompts = request.n, _prompts(request)
    texts, tokens, ends = [""] * n, [0] * n, [""] * n
    for piece in found:
        texts[piece.row] += piece.text
        tokens[piece.row] += len(piece.tokens)
        ends[piece.row] = piece.finished
    return TextSamples(
        [TextSample(prompts[k % len(prompts)], texts[k], tokens[k], ends[k]) for k in range(n)]
    )


def _prompts(request: SampleRequest) -> Sequence[str]:
    return request.prompts or ("",)


def tokens_of(prompt: str, tokenizer: Tokenizer, data: DataSpec) -> list[int]:
    """A prompt as tokens.

    An empty prompt stays empty, so the text begins as a document does. A model that was trained on
    a single document has never seen the end of one, so its text begins as a line does.

    Raises:
        GenctlError: (USAGE) the prompt is longer than the context, or has a character that is not
            in the model's vocabulary.
    """
    line_break = b"\n"
    if not prompt and data.statistics.get("documents") == 1 and line_break in tokenizer.bytes_of:
        return [tokenizer.bytes_of.index(line_break)]
    tokens = tokenizer.encode(prompt)
    (context,) = data.features["tokens"].shape
    if len(tokens) > context:
        shown = prompt[:20].replace("\n", " ")
        raise GenctlError(
            ExitStatus.USAGE,
            f"the prompt {shown!r}... has {len(tokens)} tokens, more than the context of {context}",
            hint=f"shorten its beginning: the model sees {context} tokens at most",
            option="prompts",
        )
    return tokens
