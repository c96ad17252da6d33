from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import onnx as onnx_package
import pytest
import torch
from torch import Tensor, nn

from genctl.contracts import ExportPlan
from genctl.errors import ExitStatus, GenctlError
from genctl.export import onnx
from genctl.export.proof import Proof, scaled_error
from tests.export.models import data_spec, tiny_config

DOCUMENT = {
    "config": tiny_config().to_json(),
    "data": data_spec().to_json(),
    "weights": "ema",
    "step": 2,
}


class Affine(nn.Module):
    """Two inputs, one of them whole numbers, and one output."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.embedding = nn.Embedding(5, 3)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        y: Tensor = self.linear(x)
        return y if label is None else y + self.embedding(label)


class Lying(Affine):
    """Another function when it is traced than when it runs."""

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x, label) + (1e-3 if torch.compiler.is_exporting() else 0.0)


class FixedBatch(Affine):
    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x, label).view(len(x), 3)


class NotFinite(Affine):
    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x, label) / 0.0


class Branching(Affine):
    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x if x.sum() > 0 else -x, label)


def plan(module: nn.Module) -> ExportPlan:
    def example(batch: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(batch)
        return torch.randn(batch, 4, generator=generator), torch.arange(batch) % 5

    return ExportPlan("generator", module.eval(), example, ("x", "label"), ("y",))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExportPlan, Path, Proof]:
    """A plan, the file it was written to, and the proof."""
    torch.manual_seed(0)
    good = plan(Affine())
    path = tmp_path_factory.mktemp("导出") / "模型.onnx"
    return good, path, onnx.write(good, path, DOCUMENT)


def test_the_proof_says_what_was_tried(written: tuple[ExportPlan, Path, Proof]) -> None:
    proof = written[2]
    assert proof.format == "onnx"
    assert proof.runtime.startswith("onnxruntime ")
    assert proof.inputs == ("batch 1", "batch 2", "batch 5")
    assert 0 <= proof.error <= proof.tolerance == 1e-4
    assert proof.to_json()["inputs"] == ["batch 1", "batch 2", "batch 5"]


def test_the_file_is_alone_and_says_nothing_of_this_machine(
    written: tuple[ExportPlan, Path, Proof],
) -> None:
    path = written[1]
    assert list(path.parent.iterdir()) == [path]
    content = path.read_bytes()
    assert Path(__file__).name.encode() not in content
    assert b"site-packages" not in content


def test_names_opset_and_free_batch_axis(written: tuple[ExportPlan, Path, Proof]) -> None:
    model = onnx_package.load(str(written[1]))
    assert [entry.version for entry in model.opset_import if not entry.domain] == [onnx.OPSET]
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"x": ["batch", 4], "label": ["batch"], "y": ["batch", 3]}


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_the_file_computes_what_the_module_does(
    written: tuple[ExportPlan, Path, Proof], batch: int
) -> None:
    good, path, _ = written
    document, module = onnx.read(path)
    inputs = good.example(batch)
    assert scaled_error(good.module(*inputs), module(*inputs)) < 1e-6
    assert document == {**DOCUMENT, "format_version": 1, "role": "generator"} | {
        "data": json.loads(json.dumps(data_spec().to_json()))
    }


def test_an_absent_input_is_left_out(tmp_path: Path) -> None:
    module = Affine().eval()
    unlabelled = ExportPlan("generator", module, lambda n: (torch.ones(n, 4),), ("x",), ("y",))
    onnx.write(unlabelled, tmp_path / "m.onnx", DOCUMENT)
    _, session = onnx.read(tmp_path / "m.onnx")
    assert scaled_error(module(torch.ones(3, 4)), session(torch.ones(3, 4), None)) < 1e-6


def test_a_free_length_is_tried_at_several(tmp_path: Path) -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(7, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            y: Tensor = self.table(tokens)
            return y

    free = {"tokens": {1: "length"}, "logits": {1: "length"}}
    tokens = ExportPlan(
        "model",
        Lookup().eval(),
        lambda n: (torch.ones(n, 2 * n + 3, dtype=torch.int64),),
        ("tokens",),
        ("logits",),
        free,
    )
    proof = onnx.write(tokens, tmp_path / "m.onnx", DOCUMENT)
    assert proof.inputs == ("batch 1 (length 5)", "batch 2 (length 7)", "batch 5 (length 13)")


def test_several_outputs(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x + 1, 2 * x

    two = ExportPlan("pair", Two(), lambda n: (torch.ones(n, 4),), ("x",), ("more", "twice"))
    onnx.write(two, tmp_path / "m.onnx", DOCUMENT)
    more, twice = onnx.read(tmp_path / "m.onnx")[1](torch.ones(3, 4))
    assert torch.equal(more, twice)
    assert more.shape == (3, 4)


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Lying, "differs from torch by 0.0"),
        (NotFinite, "differs from torch by inf"),
        (FixedBatch, "is free along axes"),
        (Branching, "torch cannot write it"),
    ],
)
def test_a_failed_proof_leaves_things_as_they_were(
    tmp_path: Path, module: Callable[[], nn.Module], reason: str
) -> None:
    path = tmp_path / "m.onnx"
    path.write_text("what stood there before")
    with pytest.raises(GenctlError) as caught:
        onnx.write(plan(module()), path, DOCUMENT)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "what stood there before"


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    good = plan(Affine())
    doubled = ExportPlan(good.role, good.module, good.example, ("x", "label"), ("x",))
    with pytest.raises(GenctlError) as caught:
        onnx.write(doubled, tmp_path / "m.onnx", DOCUMENT)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert not list(tmp_path.iterdir())


def test_large_weights_lie_beside_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "EXTERNAL_DATA_BYTES", 0)

    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 300)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.linear(x)
            return y

    wide = ExportPlan("wide", Wide().eval(), lambda n: (torch.ones(n, 4),), ("x",), ("y",))
    onnx.write(wide, tmp_path / "m.onnx", DOCUMENT)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    _, module = onnx.read(tmp_path / "m.onnx")
    assert scaled_error(wide.module(torch.ones(3, 4)), module(torch.ones(3, 4))) < 1e-6


def test_a_missing_package_is_named_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name)
    )
    with pytest.raises(GenctlError) as caught:
        onnx.write(plan(Affine()), tmp_path / "m.onnx", DOCUMENT)
    assert caught.value.code is ExitStatus.USAGE
    assert "onnxscript" in caught.value.message
    assert caught.value.hint == 'pip install "genctl[onnx]"'


def foreign(path: Path) -> None:
    helper = onnx_package.helper
    info = helper.make_tensor_value_info
    floats = onnx_package.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"])],
        "negative",
        [info("x", floats, ["batch"])],
        [info("y", floats, ["batch"])],
    )
    opset = helper.make_opsetid("", onnx.OPSET)
    onnx_package.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no file at"),
        (lambda path: path.write_text("not a graph"), "is not ONNX, or damaged"),
        (lambda path: path.write_bytes(b""), "is not ONNX, or damaged"),
        (foreign, "was not written by genctl"),
    ],
)
def test_unusable_files(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    path = tmp_path / "m.onnx"
    make(path)
    with pytest.raises(GenctlError) as caught:
        onnx.read(path)
    assert caught.value.code is ExitStatus.DATA
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert not onnx.is_export(path)


def test_a_truncated_file_is_damaged(
    tmp_path: Path, written: tuple[ExportPlan, Path, Proof]
) -> None:
    path = tmp_path / "m.onnx"
    content = written[1].read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(GenctlError) as caught:
        onnx.read(path)
    assert caught.value.code is ExitStatus.DATA
    assert onnx.is_export(written[1])


def test_a_file_of_another_version_says_so(
    tmp_path: Path, written: tuple[ExportPlan, Path, Proof]
) -> None:
    model = onnx_package.load(str(written[1]))
    (entry,) = model.metadata_props
    entry.value = entry.value.replace('"format_version": 1', '"format_version": 9')
    onnx_package.save(model, str(tmp_path / "m.onnx"))
    with pytest.raises(GenctlError, match="has export format 9; this genctl reads format 1"):
        onnx.read(tmp_path / "m.onnx")
