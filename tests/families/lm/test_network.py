"""The decoder: what it computes, and that its weights are those of Hugging Face."""

from __future__ import annotations

import pytest
import torch

from genctl.families.lm.network import Decoder, DecoderShape
from tests.families.lm.networks import KINDS, SHAPE, decoder, tokens


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
