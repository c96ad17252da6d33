"""Tokens from a trained model, for kinds of output that consist of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from genctl.config import request_from
from genctl.contracts import TextGenerator
from genctl.decoding.generate import TextChunk, Vocabulary, write
from genctl.decoding.request import TextRequest
from genctl.engine.sampling.loaded import LoadedModel
from genctl.engine.sampling.noise import KeyedNoise
from genctl.outputs.base import SampleRequest, label_numbers


class TokenSample(NamedTuple):
    """One sample.

    Attributes:
        prompt: the tokens that it continues.
        tokens: the tokens that were generated after them.
        finished: why it ends: ``length``, ``stop``, ``end`` or ``context``.
    """

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    finished: str


@dataclass(frozen=True)
class FixedVocabulary:
    """A `Vocabulary` of tokens that are not text, or that are fixed pieces of text.

    Attributes:
        bytes_of: the bytes that each token stands for, empty where it stands for none; stop
            strings are searched in these bytes.
        end: the token that ends a sample; None without one.
    """

    bytes_of: Sequence[bytes]
    end: int | None


def sample_tokens(
    model: LoadedModel,
    request: SampleRequest,
    prompts: Sequence[Sequence[int]] = ((),),
    vocabulary: Vocabulary | None = None,
) -> list[TokenSample]:
    """The requested tokens; sample k depends on the seed, k and its prompt alone.

    Args:
        prompts: rows of tokens; sample k continues ``prompts[k % len(prompts)]``.
        vocabulary: the vocabulary of the tokens; without it they stand for no text, and the feature
            ``tokens`` of the data says which one ends a sample.

    Raises:
        GenctlError: as `token_chunks`.
    """
    feature = model.data.features["tokens"]
    vocabulary = vocabulary or FixedVocabulary([b""] * feature.size, feature.end)
    rows = [tuple(prompt) for prompt in prompts]
    found: list[list[int]] = [[] for _ in range(request.n)]
    ends = [""] * request.n
    for chunk in token_chunks(model, request, rows, vocabulary):
        found[chunk.row] += chunk.tokens
        ends[chunk.row] = chunk.finished
    return [
        TokenSample(rows[k % len(rows)], tuple(tokens), ends[k]) for k, tokens in enumerate(found)
    ]


def token_chunks(
    model: LoadedModel,
    request: SampleRequest,
    prompts: Sequence[Sequence[int]],
    vocabulary: Vocabulary,
) -> Iterator[TextChunk]:
    """Samples 0 to n - 1 in pieces, ``row`` being the number of the sample.

    Raises:
        GenctlError: a number below 1, classes for a model without them, or a bad option.
    """
    request.refuse_below_one()
    label_numbers(model, request.labels)
    options = request_from(model.spec, request.options, model.config.sample)
    generator: TextGenerator = model.spec.load("sampler")(
        model.config, model.data, model.trained.modules, model.parents
    )
    return _chunks(generator, vocabulary, prompts, options, request, model.device)


def _chunks(
    generator: TextGenerator,
    vocabulary: Vocabulary,
    prompts: Sequence[Sequence[int]],
    options: TextRequest,
    request: SampleRequest,
    device: torch.device,
) -> Iterator[TextChunk]:
    for start in range(0, request.n, request.batch_size):
        indices = range(start, min(start + request.batch_size, request.n))
        noise = KeyedNoise(("sample", request.seed), indices, device=device)
        chosen = [prompts[k % len(prompts)] for k in indices]
        found = write(
            generator.predictor, chosen, options, noise, vocabulary, start=generator.start
        )
        for piece in found:
            yield TextChunk(start + piece.row, piece.text, piece.tokens, piece.finished)
