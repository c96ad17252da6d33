from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from genctl import registry
from genctl.api.models.exporting import export, formats, write_bundle
from genctl.api.models.model import open_model
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run
from tests.export.models import data_spec, tiny_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tiny_run(tmp_path_factory.mktemp("runs") / "gan-照片-1")


@pytest.fixture(scope="module")
def onnx_file(run: Run) -> Path:
    return export(run, "onnx").path


def test_where_exports_go_by_themselves(run: Run, onnx_file: Path) -> None:
    assert onnx_file == run.path / "export" / "gan-照片-1.onnx"
    folder = export(run)
    assert folder.path == run.path / "export" / "gan-照片-1"
    assert folder.to_json() == {
        "path": str(folder.path),
        "format": "safetensors",
        "proof": folder.proof.to_json(),
    }
    assert export(folder.path, "onnx").path == onnx_file


def test_all_forms_of_a_model_make_the_same_samples(run: Run, onnx_file: Path) -> None:
    labels: list[int | str] = ["dog", "猫", 1]
    expected = open_model(run).sample(100, seed=3, labels=labels)
    for origin in (export(run).path, onnx_file):
        found = open_model(origin).sample(100, seed=3, labels=labels, batch_size=7)
        difference = np.abs(expected.array.astype(int) - found.array.astype(int))
        assert difference.max() <= 1
        assert (difference > 0).mean() <= 1e-3
        assert expected.labels is not None
        assert found.labels is not None
        assert expected.labels.tolist() == found.labels.tolist()
    assert expected.array.std() > 1


@pytest.mark.parametrize(
    ("sets", "shape", "classes"),
    [(["architecture=mlp"], (1, 16, 16), ("a", "b")), ([], (3, 18, 33), ())],
)
def test_other_shapes_of_gan(
    tmp_path: Path, sets: list[str], shape: tuple[int, ...], classes: tuple[str, ...]
) -> None:
    run = tiny_run(tmp_path / "run", *sets, data=data_spec(shape, classes))
    expected = open_model(run).sample(5)
    found = open_model(export(run, "onnx").path).sample(5)
    assert found.array.shape == (5, shape[1], shape[2], shape[0])
    assert np.abs(expected.array.astype(int) - found.array.astype(int)).max() <= 1


def test_raw_weights_hold_every_module(run: Run, tmp_path: Path) -> None:
    path = export(run, out=tmp_path / "raw", weights="raw").path
    assert set(open_model(path).trained.modules) == {"generator", "discriminator"}
    assert set(open_model(export(run).path).trained.modules) == {"generator"}


def test_an_export_replaces_an_export_and_nothing_else(run: Run, tmp_path: Path) -> None:
    first = export(run, out=tmp_path / "gan.v2").path
    (first / "notes.txt").write_text("mine")
    assert export(run, out=first).path == first
    assert not (first / "notes.txt").exists()
    (tmp_path / "empty").mkdir()
    assert export(run, out=tmp_path / "empty").path.is_dir()


def test_refusals(run: Run, onnx_file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    graph = tmp_path / "graph.onnx"
    graph.write_text("mine")
    bundle = export(run).path
    for call, reason, hint in (
        (lambda: export(run, "onx"), "did you mean 'onnx'?", 'format="safetensors"'),
        (lambda: export(run, out=taken), "is not an export of genctl", "choose another out"),
        (lambda: export(run, "onnx", graph), "is not an export of genctl", "choose another out"),
        (lambda: export(run, "onnx", taken), "does not end in .onnx", f'out="{taken}.onnx"'),
        (lambda: export(run, out=graph), "the name of a folder", f'out="{tmp_path / "graph"}"'),
        (lambda: export(bundle), "the model itself is there", "choose another out"),
        (lambda: export(onnx_file), "is ONNX, which cannot be converted", "name the run"),
        (
            lambda: write_bundle(open_model(onnx_file), tmp_path / "new"),
            "is ONNX, which cannot be converted",
            "name the run",
        ),
    ):
        with pytest.raises(GenctlError) as caught:
            call()
        assert caught.value.code is ExitStatus.USAGE
        assert reason in caught.value.message
        assert hint in caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.onnx", "taken"]
    assert graph.read_text() == (taken / "thesis.txt").read_text() == "mine"


def test_weights_that_do_not_fit_their_configuration(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    run = tiny_run(tmp_path / "run")
    export(run, out=path)
    document = json.loads((path / "genctl.json").read_text("utf-8"))
    document["config"]["model"]["width"] = 8
    (path / "genctl.json").write_text(json.dumps(document), "utf-8")
    with pytest.raises(GenctlError, match="the weights do not fit 'generator'") as caught:
        open_model(path)
    assert caught.value.code is ExitStatus.DATA
    assert "\n" not in caught.value.message


def test_formats_of_a_family() -> None:
    assert formats(registry.get("gan")) == ["safetensors", "onnx"]


def test_no_format_is_offered_that_nothing_writes(run: Run) -> None:
    gan = registry.get("gan")
    more = {**gan.targets, "exporter.coreml": "some.where:plan", "exporter.gguf": "some.where:plan"}
    spec = dataclasses.replace(gan, targets=more)
    assert spec.exports() == ["gguf", "gguf-q8_0", "onnx"]
    assert formats(spec) == ["safetensors", "onnx", "gguf", "gguf-q8_0"]
    with pytest.raises(GenctlError, match="unknown format 'coreml'"):
        export(run, "coreml")


def test_a_model_in_memory_becomes_a_parent(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "teacher")
    write_bundle(open_model(run), tmp_path / "student" / "parents" / "teacher")
    copied = open_model(tmp_path / "student" / "parents" / "teacher")
    assert np.array_equal(copied.sample(4).array, open_model(run).sample(4).array)
