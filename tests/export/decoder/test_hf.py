from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from genctl.contracts import DecoderPlan
from genctl.data.text.tokenizer import Tokenizer
from genctl.errors import ExitStatus, GenctlError
from genctl.export.decoder import hf
from genctl.export.proof import Proof, scaled_error
from tests.export.decoder.decoders import DOCUMENT, END, TEXT, Lying, plan, without

CARD = "# 模型\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[DecoderPlan, Path, Proof]:
    """A plan, the folder it was written to, and the proof."""
    good = plan()
    path = tmp_path_factory.mktemp("导出") / "模型"
    return good, path, hf.write(good, path, DOCUMENT, CARD)


def test_the_proof_says_what_was_tried(written: tuple[DecoderPlan, Path, Proof]) -> None:
    proof = written[2]
    assert proof.format == "hf"
    assert proof.runtime.startswith("transformers ")
    assert proof.inputs == ("1x1, 3x7, 1x96 tokens", "64 greedy tokens", "tokenizer")
    assert 0 <= proof.error <= proof.tolerance == 1e-4


def test_the_folder_is_whole_and_alone(written: tuple[DecoderPlan, Path, Proof]) -> None:
    good, path, _ = written
    assert list(path.parent.iterdir()) == [path]
    assert sorted(file.name for file in path.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (path / "README.md").read_text("utf-8") == CARD
    assert (path / "tokenizer.json").read_bytes() == good.assets["tokenizer/tokenizer.json"]
    assert hf.is_export(path)


def test_nothing_is_left_to_a_default(written: tuple[DecoderPlan, Path, Proof]) -> None:
    good, path, _ = written
    config = json.loads((path / "config.json").read_text("utf-8"))
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    assert config["head_dim"] == 16
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 10_000.0
    for file in ("config.json", "generation_config.json"):
        ids = json.loads((path / file).read_text("utf-8"))
        assert ids["eos_token_id"] == good.end == 299
        assert ids["bos_token_id"] is ids["pad_token_id"] is None
        assert {"bos_token_id", "pad_token_id"} <= set(ids)
    assert config["genctl"]["format_version"] == 1
    assert config["genctl"]["data"]["source"] == "诗.txt"


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    hf.write(plan(context=8), tmp_path / "a", DOCUMENT, CARD)
    assert os.environ["HF_HUB_OFFLINE"] == "0"
    monkeypatch.delenv("HF_HUB_OFFLINE")
    hf.write(plan(context=8), tmp_path / "b", DOCUMENT, CARD)
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.oracle
def test_a_stranger_opens_it(written: tuple[DecoderPlan, Path, Proof]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    good, path, _ = written
    model: Any = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
    tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
    text = "春眠不觉晓 the dog 🦊\n"
    inputs = tokenizer(text, return_tensors="pt")
    assert tokenizer.decode(inputs["input_ids"][0]) == text
    assert tokenizer.eos_token == END
    with torch.no_grad():
        got = model(**inputs).logits
    assert scaled_error(good.module(inputs["input_ids"]), got) < 1e-5
    longer = model.generate(**inputs, min_new_tokens=3, max_new_tokens=3)
    assert longer.shape[1] == inputs["input_ids"].shape[1] + 3


@pytest.mark.parametrize("options", [{"head_dim": 8}, {"tied": True, "kv_heads": 1, "context": 3}])
def test_a_llama(tmp_path: Path, options: dict[str, Any]) -> None:
    llama = plan(qk_norm=False, **options)
    proof = hf.write(llama, tmp_path / "llama", DOCUMENT, CARD)
    assert proof.error <= 1e-5
    config = json.loads((tmp_path / "llama" / "config.json").read_text("utf-8"))
    assert config["model_type"] == "llama"
    stored = load_file(tmp_path / "llama" / "model.safetensors")
    assert ("lm_head.weight" in stored) is not llama.tied
    assert {tensor.dtype for tensor in stored.values()} == {torch.float32}


@pytest.mark.parametrize(
    "tokenizer",
    [Tokenizer.char(TEXT), Tokenizer.byte(), Tokenizer.bpe(iter([TEXT]), 290)],
    ids=["char", "byte", "bpe"],
)
def test_every_tokenizer_of_genctl(tmp_path: Path, tokenizer: Tokenizer) -> None:
    some = plan(assets=tokenizer.files(), context=40)
    assert (some.vocab_size, some.end) == (tokenizer.vocab_size, tokenizer.end)
    assert "tokenizer" in hf.write(some, tmp_path / "模型", DOCUMENT, CARD).inputs


def test_an_unknown_character_does_not_end_a_text(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Core
    from transformers import AutoTokenizer

    own = Tokenizer.char(TEXT)
    some = plan(assets=own.files(), context=40)
    hf.write(some, tmp_path / "model", DOCUMENT, CARD)
    kind: Any = AutoTokenizer
    theirs = kind.from_pretrained(tmp_path / "model")
    plain = Core.from_file(str(tmp_path / "model" / "tokenizer.json"))
    known, unknown = TEXT[:9], "\u0100\U0001f9ff\ue000"
    assert not set(unknown) & set(TEXT)
    mixed = f"{unknown}{known[:4]}{unknown}{known[4:]}"
    for text in (known, mixed):
        assert theirs(text)["input_ids"] == plain.encode(text).ids == own.encode(known)
    assert theirs(unknown)["input_ids"] == []
    assert theirs.decode(own.encode(known)) == known
    assert theirs.eos_token_id == own.end
    again = Tokenizer.from_path(tmp_path / "model" / "tokenizer.json")
    assert (again.kind, again.alphabet, again.end) == ("char", own.alphabet, own.end)
    assert again.bytes_of == own.bytes_of
    with pytest.raises(GenctlError, match=r"U\+0100"):
        again.encode(mixed)


def other_end(good: DecoderPlan) -> DecoderPlan:
    """The tokenizer says that another token ends a text than the network was trained with."""
    config = json.loads(good.assets["tokenizer/tokenizer_config.json"])
    changed = json.dumps(config | {"eos_token": "!"}).encode()
    assets = {**good.assets, "tokenizer/tokenizer_config.json": changed}
    return dataclasses.replace(good, assets=assets)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: plan(network=Lying), "transformers differs by 0.0"),
        (lambda good: dataclasses.replace(good, rope_theta=500.0), "transformers differs by"),
        (lambda good: dataclasses.replace(good, kv_heads=1), "transformers cannot use it"),
        (lambda good: dataclasses.replace(good, depth=1), "unexpected keys"),
        (other_end, "splits text differently: '!' ends it"),
    ],
)
def test_a_failed_proof_leaves_things_as_they_were(
    tmp_path: Path, spoil: Callable[[DecoderPlan], DecoderPlan], reason: str
) -> None:
    path = tmp_path / "模型"
    path.mkdir()
    (path / "notes.txt").write_text("what stood there before")
    with pytest.raises(GenctlError) as caught:
        hf.write(spoil(plan(context=16)), path, DOCUMENT, CARD)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == [path]
    assert [file.name for file in path.iterdir()] == ["notes.txt"]


def test_a_missing_package_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "transformers")
    with pytest.raises(GenctlError) as caught:
        hf.write(plan(), tmp_path / "模型", DOCUMENT, CARD)
    assert caught.value.code is ExitStatus.USAGE
    assert "transformers" in caught.value.message
    assert caught.value.hint == 'pip install "genctl[hf]"'
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [None, "{", "[1]", '{"model_type": "llama"}', '{"genctl": 1}'])
def test_other_folders_are_no_exports(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    assert not hf.is_export(tmp_path)
