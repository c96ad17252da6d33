"""The decoder: what it computes, and that reading token by token computes the same."""

from __future__ import annotations

import pytest
import torch

from genctl.contracts import TokenPredictor
from genctl.decoding.uncached import UncachedPredictor
from genctl.families.lm.network import Decoder, DecoderShape
from genctl.families.lm.predictor import KVCachePredictor

SHAPE = {
    "vocab_size": 40,
    "context": 24,
    "width": 32,
    "depth": 2,
    "heads": 4,
    "kv_heads": 4,
    "head_dim": 8,
    "hidden": 48,
}
KINDS = [{}, {"kv_heads": 2}, {"kv_heads": 1}, {"qk_norm": False}, {"tied": True}]


def decoder(**kind: object) -> Decoder:
    """A small one of which nothing is zero."""
    torch.manual_seed(0)
    network = Decoder(DecoderShape(**{**SHAPE, **kind})).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.2)
    return network


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(40, shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_sees_a_later_one(kind: dict[str, object]) -> None:
    network, one = decoder(**kind), tokens(2, 12)
    other = one.clone()
    other[:, 7:] = (other[:, 7:] + 1) % 40
    with torch.no_grad():
        before, after = network(one), network(other)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-5)
    assert not torch.allclose(before[:, 7:], after[:, 7:], atol=1e-2)


def test_it_begins_at_the_uniform_distribution() -> None:
    torch.manual_seed(0)
    assert not Decoder(DecoderShape(**SHAPE))(tokens(2, 5)).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader_type", [KVCachePredictor, UncachedPredictor])
def test_reading_on_computes_what_reading_anew_does(
    kind: dict[str, object], reader_type: type
) -> None:
    network = decoder(**kind)
    reader: TokenPredictor = (
        KVCachePredictor(network)
        if reader_type is KVCachePredictor
        else UncachedPredictor(network, 24)
    )
    rows = [row[:length].tolist() for row, length in zip(tokens(3, 13), (5, 13, 1), strict=True)]
    with torch.inference_mode():
        logits = reader.begin(rows)
        for following in tokens(10, 3):
            for row, found in zip(rows, logits, strict=True):
                expected = network(torch.tensor([row]))[0, -1]
                assert torch.allclose(found, expected, atol=1e-5)
            rows = [[*row, token] for row, token in zip(rows, following.tolist(), strict=True)]
            logits = reader.advance(following)
        fresh = reader.begin(rows)
    assert torch.allclose(fresh, logits, atol=1e-5)


def test_a_long_prompt_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network, rows = decoder(), [tokens(1, 20)[0].tolist(), tokens(1, 11)[0].tolist()]
    with torch.inference_mode():
        whole = KVCachePredictor(network).begin(rows)
        monkeypatch.setattr("genctl.families.lm.predictor.PREFILL", 4)
        parts = KVCachePredictor(network).begin(rows)
    assert torch.allclose(whole, parts, atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_those_of_hugging_face(kind: dict[str, object]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    network = decoder(**kind)
    shape = network.shape
    settings = {
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.width,
        "intermediate_size": shape.hidden,
        "num_hidden_layers": shape.depth,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.norm_eps,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": shape.tied,
    }
    if shape.qk_norm:
        peer = Qwen3ForCausalLM(Qwen3Config(**settings))
    else:
        peer = LlamaForCausalLM(LlamaConfig(**settings))
    peer.load_state_dict(network.state_dict())
    given = tokens(3, 20)
    with torch.no_grad():
        assert torch.allclose(peer.eval()(given).logits, network(given), atol=1e-4)
