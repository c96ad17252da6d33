"""Exports of a language model, from a run on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from genctl import config, registry
from genctl.api.models.exporting import Exported, export, formats
from genctl.api.models.loading import build_objective
from genctl.api.models.model import open_model
from genctl.data.text.tokenizer import Tokenizer
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError
from genctl.export.decoder import gguf, hf
from genctl.runs import Run
from genctl.weights import flatten
from tests.export.decoder.decoders import TEXT, stir
from tests.specs import token_spec

PROMPT = "春眠 the"


def text_run(path: Path, tokenizer: Tokenizer) -> Run:
    """A run of two steps that has ended."""
    files = tokenizer.files()
    data = token_spec(
        "诗.txt",
        "诗",
        48,
        assets={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        vocab_size=tokenizer.vocab_size,
        end=tokenizer.end,
    )
    sets = ["width=32", "depth=2", "heads=2", "context=48", "budget=2steps"]
    settings = config.resolve(registry.get("lm"), environ={}, sets=sets)
    run = Run(path)
    path.mkdir(parents=True)
    run.write("config.json", {"config": settings.to_json(), "origins": dict(settings.origins)})
    run.write("data.json", data.to_json())
    for name, content in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
    modules = build_objective(registry.get("lm"), settings, data, {}).modules
    stir(modules["model"])
    snapshot = checkpoint.Snapshot(
        index=2,
        position=128,
        elapsed=1.5,
        attempt=0,
        rate_scale=1.0,
        scaler={},
        tensors={"model": flatten(modules)},
    )
    checkpoint.save(run, snapshot, keep_last=1)
    checkpoint.mark_finished(run)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    tokenizer = Tokenizer.bpe(iter([TEXT]), 290)
    return text_run(tmp_path_factory.mktemp("runs") / "lm-诗-1", tokenizer)


@pytest.fixture(scope="module")
def exported(run: Run) -> dict[str, Exported]:
    return {name: export(run, name) for name in formats(registry.get("lm"))}


def test_formats_of_the_family() -> None:
    assert formats(registry.get("lm")) == ["safetensors", "onnx", "hf", "gguf", "gguf-q8_0"]


def test_where_exports_go_by_themselves(run: Run, exported: dict[str, Exported]) -> None:
    folder = run.path / "export"
    assert {name: done.path.relative_to(folder).as_posix() for name, done in exported.items()} == {
        "safetensors": "lm-诗-1",
        "onnx": "lm-诗-1.onnx",
        "hf": "lm-诗-1-hf",
        "gguf": "lm-诗-1.gguf",
        "gguf-q8_0": "lm-诗-1-q8_0.gguf",
    }
    assert all(done.proof.format == name for name, done in exported.items())
    assert exported["onnx"].proof.inputs[0] == "batch 1 (length 8)"
    assert hf.is_export(folder / "lm-诗-1-hf")
    assert gguf.is_export(folder / "lm-诗-1-q8_0.gguf")
    card = (folder / "lm-诗-1-hf" / "README.md").read_text("utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "# lm-诗-1" in card
    again = export(folder / "lm-诗-1", "hf")
    assert again.path == folder / "lm-诗-1-hf"
    assert (again.path / "README.md").read_text("utf-8") == card


def test_all_forms_of_a_model_write_the_same(run: Run, exported: dict[str, Exported]) -> None:
    options = {"max_new_tokens": "20"}
    expected = open_model(run).write(3, seed=1, prompts=[PROMPT], options=options)
    for format in ("safetensors", "onnx"):
        found = open_model(exported[format].path).write(
            3, seed=1, prompts=[PROMPT], options=options
        )
        assert str(found) == str(expected)


def test_a_bundle_without_its_tokenizer(run: Run, tmp_path: Path) -> None:
    path = export(run, out=tmp_path / "模型").path
    file = path / "tokenizer" / "tokenizer.json"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(GenctlError, match="its checksum is not the one") as caught:
        open_model(path)
    assert caught.value.code is ExitStatus.DATA
    file.unlink()
    with pytest.raises(GenctlError, match="is missing"):
        open_model(path)


def test_refusals(run: Run, tmp_path: Path) -> None:
    (tmp_path / "论文.gguf").write_text("mine")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "config.json").write_text("{}")
    for format, out, reason in (
        ("gguf", tmp_path / "论文.gguf", "is not an export of genctl"),
        ("gguf", tmp_path / "模型", "does not end in .gguf"),
        ("hf", tmp_path / "模型.gguf", "the name of a folder"),
        ("hf", taken, "is not an export of genctl"),
        ("gguf-q4_0", tmp_path / "模型.gguf", "did you mean"),
    ):
        with pytest.raises(GenctlError) as caught:
            export(run, format, out)
        assert caught.value.code is ExitStatus.USAGE
        assert reason in caught.value.message
    assert (tmp_path / "论文.gguf").read_text() == "mine"


def test_characters_go_to_transformers_alone(tmp_path: Path) -> None:
    run = text_run(tmp_path / "lm-字-1", Tokenizer.char(TEXT))
    assert export(run, "hf").path.is_dir()
    with pytest.raises(GenctlError, match="GGUF needs a bpe tokenizer") as caught:
        export(run, "gguf")
    assert caught.value.hint == 'format="hf", or train with tokenizer="bpe"'
    assert [path.name for path in (run.path / "export").iterdir()] == ["lm-字-1-hf"]
