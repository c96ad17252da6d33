from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize

from genctl.contracts import DecoderPlan
from genctl.data.text.tokenizer import Tokenizer
from genctl.errors import ExitStatus, GenctlError
from genctl.export.decoder import gguf, gguf_tensors, llama_cpp
from genctl.export.proof import Proof
from tests.export.decoder.decoders import DOCUMENT, END, TEXT, Lying, bpe, files, plan, without

LLAMA_CPP = importlib.util.find_spec("xllamacpp") is not None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[DecoderPlan, Path, Proof]:
    """A plan, the file it was written to, and the proof."""
    good = plan()
    path = tmp_path_factory.mktemp("导出") / "模型.gguf"
    return good, path, gguf.write(good, path, DOCUMENT)


def contents(path: Path, key: str) -> Any:
    return GGUFReader(path).fields[key].contents()


def kinds(path: Path) -> dict[str, Any]:
    return {tensor.name: tensor.tensor_type for tensor in GGUFReader(path).tensors}


def test_the_proof_says_what_was_tried(written: tuple[DecoderPlan, Path, Proof]) -> None:
    proof = written[2]
    assert proof.format == "gguf"
    assert proof.runtime.startswith("gguf ")
    assert "transformers " in proof.runtime
    count, loss, shapes, last = proof.inputs
    assert (count, shapes) == ("25 tensors", "1x1, 3x7, 1x96 tokens")
    assert loss.startswith("f16 moves the logits by 0.00")
    assert 0 <= proof.error <= proof.tolerance == 1e-4
    tried = last == "64 greedy tokens" and "llama.cpp (xllamacpp " in proof.runtime
    assert tried or last.startswith("llama.cpp not tried: ")
    assert LLAMA_CPP or not tried


def test_the_file_says_what_llama_cpp_must_not_guess(
    written: tuple[DecoderPlan, Path, Proof],
) -> None:
    good, path, _ = written
    assert list(path.parent.iterdir()) == [path]
    assert gguf.is_export(path)
    assert json.loads(contents(path, "genctl.document"))["data"]["name"] == "诗"
    assert contents(path, "general.architecture") == "qwen3"
    assert contents(path, "general.name") == "模型"
    assert contents(path, "qwen3.attention.key_length") == good.head_dim
    assert contents(path, "tokenizer.ggml.pre") == "gpt-2"
    tokens = contents(path, "tokenizer.ggml.tokens")
    assert len(tokens) == good.vocab_size
    for key in ("eos", "bos"):
        assert tokens[contents(path, f"tokenizer.ggml.{key}_token_id")] == END
        assert contents(path, f"tokenizer.ggml.add_{key}_token") is False
    types = contents(path, "tokenizer.ggml.token_type")
    assert [types[0], types[-1]] == [1, 3]
    assert all(merge.count(" ") == 1 for merge in contents(path, "tokenizer.ggml.merges"))


def test_matrices_are_halves_and_vectors_are_whole(
    written: tuple[DecoderPlan, Path, Proof],
) -> None:
    good, path, _ = written
    found = kinds(path)
    assert found["blk.1.attn_q_norm.weight"] == GGMLQuantizationType.F32
    assert found["token_embd.weight"] == found["output.weight"] == GGMLQuantizationType.F16
    stored = next(t for t in GGUFReader(path).tensors if t.name == "blk.1.ffn_up.weight")
    own = good.module.get_parameter("model.layers.1.mlp.up_proj.weight")
    difference = np.abs(dequantize(stored.data, stored.tensor_type) - own.numpy()).max()
    assert 0 < difference < 2**-11


@pytest.mark.parametrize("quantization", ["f16", "q8_0"])
def test_a_llama(tmp_path: Path, quantization: str) -> None:
    llama = plan(qk_norm=False, tied=True, head_dim=8, hidden=40, context=24)
    path = tmp_path / "羊驼.gguf"
    proof = gguf.write(llama, path, DOCUMENT, quantization)
    assert proof.format == {"f16": "gguf", "q8_0": "gguf-q8_0"}[quantization]
    assert contents(path, "general.architecture") == "llama"
    found = kinds(path)
    assert "output.weight" not in found
    assert found["blk.0.attn_q.weight"].name.lower() == quantization
    # Rows of 40 do not divide into blocks of 32.
    assert found["blk.0.ffn_down.weight"] == GGMLQuantizationType.F16


@pytest.mark.parametrize("absent", [(), ("transformers",)])
def test_llama_is_reordered_and_each_program_knows_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: tuple[DecoderPlan, Path, Proof],
    absent: tuple[str, ...],
) -> None:
    if absent and "llama.cpp" not in written[2].runtime:
        pytest.skip("llama.cpp does not run here")
    without(monkeypatch, *absent)
    monkeypatch.setattr(gguf_tensors, "_heads", lambda plan, name: 0)
    with pytest.raises(GenctlError) as caught:
        gguf.write(plan(qk_norm=False), tmp_path / "m.gguf", DOCUMENT)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    program = "llama.cpp continues differently" if absent else "transformers differs by"
    assert program in caught.value.message


def huge(good: DecoderPlan) -> DecoderPlan:
    with torch.no_grad():
        good.module.get_parameter("model.embed_tokens.weight")[0] = 1e6
    return good


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: plan(network=Lying), "transformers differs by 0.0"),
        (lambda good: dataclasses.replace(good, rope_theta=500.0), "transformers differs by"),
        (huge, "f16 cannot hold model.embed_tokens.weight"),
    ],
)
def test_a_failed_proof_leaves_things_as_they_were(
    tmp_path: Path, spoil: Callable[[DecoderPlan], DecoderPlan], reason: str
) -> None:
    path = tmp_path / "m.gguf"
    path.write_text("what stood there before")
    with pytest.raises(GenctlError) as caught:
        gguf.write(spoil(plan()), path, DOCUMENT)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "what stood there before"


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "transformers", "xllamacpp")
    proof = gguf.write(plan(), tmp_path / "m.gguf", DOCUMENT)
    assert proof.inputs[2:] == (
        "transformers not tried: it is not installed",
        "llama.cpp not tried: xllamacpp is not installed",
    )
    without(monkeypatch, "gguf")
    with pytest.raises(GenctlError) as caught:
        gguf.write(plan(), tmp_path / "m.gguf", DOCUMENT)
    assert caught.value.code is ExitStatus.USAGE
    assert caught.value.hint == 'pip install "genctl[gguf]"'


def test_the_bpe_of_genctl(tmp_path: Path) -> None:
    tokenizer = Tokenizer.bpe(iter([TEXT]), 290)
    some = plan(assets=tokenizer.files(), context=40)
    gguf.write(some, tmp_path / "m.gguf", DOCUMENT)
    tokens = contents(tmp_path / "m.gguf", "tokenizer.ggml.tokens")
    assert tokens[tokenizer.end] == END
    assert len(tokens) == tokenizer.vocab_size


@pytest.mark.parametrize(
    "tokenizer", [Tokenizer.char(TEXT), Tokenizer.byte()], ids=["char", "byte"]
)
def test_other_tokenizers_of_genctl(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(GenctlError, match="GGUF needs a bpe tokenizer"):
        gguf.write(plan(assets=tokenizer.files()), tmp_path / "m.gguf", DOCUMENT)


def spoiled(**changes: Any) -> dict[str, bytes]:
    """The tokenizer of `bpe` with other values in it."""
    found = json.loads(bpe()["tokenizer/tokenizer.json"])
    for path, value in changes.items():
        section, _, key = path.rpartition("__")
        (found[section] if section else found)[key] = value
    return files(json.dumps(found))


@pytest.mark.parametrize(
    ("assets", "reason"),
    [
        (spoiled(model__merges=[]), "a bpe tokenizer"),
        (spoiled(model__type="WordLevel"), "a bpe tokenizer"),
        (spoiled(normalizer={"type": "NFC"}), "a bpe tokenizer"),
        (spoiled(pre_tokenizer=None), "a bpe tokenizer"),
        (spoiled(pre_tokenizer__use_regex=False), "a bpe tokenizer"),
        (spoiled(pre_tokenizer__add_prefix_space=True), "a bpe tokenizer"),
        (bpe(end=False), "a token that ends a text"),
    ],
)
def test_tokenizers_that_gguf_does_not_know(
    tmp_path: Path, assets: dict[str, bytes], reason: str
) -> None:
    with pytest.raises(GenctlError) as caught:
        gguf.write(plan(assets=assets), tmp_path / "m.gguf", DOCUMENT)
    assert caught.value.code is ExitStatus.USAGE
    assert reason in caught.value.message
    assert caught.value.hint == 'format="hf", or train with tokenizer="bpe"'
    assert not list(tmp_path.iterdir())


def test_merges_as_older_tokenizers_write_them(tmp_path: Path) -> None:
    found = json.loads(bpe()["tokenizer/tokenizer.json"])
    found["model"]["merges"] = [" ".join(pair) for pair in found["model"]["merges"]]
    older = dataclasses.replace(plan(), assets=files(json.dumps(found)))
    gguf.write(older, tmp_path / "older.gguf", DOCUMENT)
    gguf.write(plan(), tmp_path / "newer.gguf", DOCUMENT)
    for key in ("tokenizer.ggml.merges", "tokenizer.ggml.tokens"):
        assert contents(tmp_path / "older.gguf", key) == contents(tmp_path / "newer.gguf", key)


def test_other_files_are_no_exports(
    tmp_path: Path, written: tuple[DecoderPlan, Path, Proof]
) -> None:
    content = written[1].read_bytes()
    for k, other in enumerate((b"", b"GGUF", content[:200], b"x" * 100)):
        path = tmp_path / f"{k}.gguf"
        path.write_bytes(other)
        assert not gguf.is_export(path)
    assert not gguf.is_export(tmp_path)
    assert not gguf.is_export(tmp_path / "absent.gguf")


@pytest.mark.skipif(not LLAMA_CPP, reason="llama.cpp is not installed")
def test_llama_cpp_says_why_it_cannot_use_a_file(tmp_path: Path) -> None:
    path = tmp_path / "坏.gguf"
    path.write_bytes(b"GGUF" + b"\x00" * 100)
    try:
        answer = llama_cpp.ask(llama_cpp.Request(str(path), [1], 1, 8, "a"))
    except llama_cpp.NotTriedError:
        pytest.skip("llama.cpp does not run on this CPU")
    assert answer.error
    assert not answer.tokens
