from __future__ import annotations

import dataclasses

import pytest
import torch

from genctl import config
from genctl.contracts import DataSpec, Feature, Trained
from genctl.errors import GenctlError
from genctl.families.lm.network import Decoder
from genctl.families.lm.objective import LmObjective
from genctl.families.lm.spec import SPEC
from tests.specs import token_spec

SMALL = ("width=16", "depth=1", "heads=2")


def objective(data: DataSpec, *sets: str, **parents: Trained) -> LmObjective:
    torch.manual_seed(0)
    return LmObjective(config.resolve(SPEC, environ={}, sets=[*SMALL, *sets]), data, parents)


def without_tokenizer(kind: str, size: int = 6) -> DataSpec:
    spec = token_spec("s", "s", 32)
    return dataclasses.replace(spec, kind=kind, features={"tokens": Feature("tokens", (32,), size)})


def test_the_context_is_that_of_the_tokens_whatever_comes_first() -> None:
    spec = token_spec("s", "s", 77, vocab_size=10)
    features = {"image": Feature("image", (3, 8, 8)), **spec.features}
    made = objective(dataclasses.replace(spec, features=features), "short_context=0")
    decoder = made.modules["model"]
    assert isinstance(decoder, Decoder)
    shape = decoder.shape
    assert (shape.context, shape.vocab_size) == (77, 10)


def test_tokens_without_a_tokenizer_mean_the_same_in_one_kind_of_data_alone() -> None:
    dna = without_tokenizer("dna")
    parent = Trained("lm", None, dna, objective(dna).modules)
    assert objective(dna, init=parent).modules
    for other in (without_tokenizer("proteins"), without_tokenizer("dna", 7)):
        with pytest.raises(GenctlError, match="another tokenizer"):
            objective(other, init=parent)


def test_a_short_context_that_does_not_divide_the_context_is_named() -> None:
    spec = token_spec("s", "s", 100, vocab_size=10)
    notes = objective(spec, "short_context=64").notes
    assert any("short_context 64 does not divide the context of 100" in note for note in notes)
    assert len(objective(spec, "short_context=50").notes) == 1
