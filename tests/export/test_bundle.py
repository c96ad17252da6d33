from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError
from genctl.export import bundle
from genctl.weights import save_tensors
from tests.export.models import data_spec, tiny_config

DOCUMENT = {
    "config": tiny_config().to_json(),
    "data": data_spec().to_json(),
    "weights": "ema",
    "step": None,
}


def tensors() -> dict[str, Tensor]:
    """Every kind of tensor that is easily lost: tied, empty, scalar, strided, half precision."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, generator=generator)
    return {
        "model.embed": weight,
        "model.head": weight,
        "model.empty": torch.zeros(0, 3),
        "model.count": torch.tensor(7),
        "model.turned": torch.randn(2, 5, generator=generator).t(),
        "model.half": torch.randn(3, generator=generator).bfloat16(),
        "model.nan": torch.tensor([float("nan"), -0.0]),
        "model.层": torch.tensor([True, False]),
    }


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "导出"
    bundle.write(path, DOCUMENT, tensors(), card="# 模型\n")
    return path


def bits(tensor: Tensor) -> tuple[torch.dtype, torch.Size, bytes]:
    flat = tensor.contiguous().reshape(-1).view(torch.uint8)
    return tensor.dtype, tensor.shape, flat.numpy().tobytes()


def test_everything_comes_back(written: Path) -> None:
    document, found = bundle.read(written)
    assert {name: bits(tensor) for name, tensor in found.items()} == {
        name: bits(tensor) for name, tensor in tensors().items()
    }
    assert found["model.embed"].data_ptr() == found["model.head"].data_ptr()
    assert document["config"] == DOCUMENT["config"]
    assert DataSpec.from_json(document["data"]).class_names == ("猫", "dog")
    assert bundle.read_card(written) == "# 模型\n"
    assert bundle.is_bundle(written)


def test_tied_tensors_are_stored_once(written: Path, tmp_path: Path) -> None:
    apart = tensors()
    apart["model.head"] = apart["model.head"].clone()
    bundle.write(tmp_path / "apart", DOCUMENT, apart, card="")
    tied, doubled = (p / "model.safetensors" for p in (written, tmp_path / "apart"))
    assert doubled.stat().st_size - tied.stat().st_size >= 4 * 3 * 4 - 30  # less the alias's name


def test_the_proof_counts_the_tensors(tmp_path: Path) -> None:
    proof = bundle.write(tmp_path / "b", DOCUMENT, tensors(), card="")
    assert (proof.inputs, proof.error, proof.tolerance) == (("8 tensors",), 0.0, 0.0)
    assert proof.runtime.startswith("safetensors ")


def test_parents_come_along(written: Path, tmp_path: Path) -> None:
    parents = tmp_path / "parents"
    bundle.write(parents / "teacher", DOCUMENT, tensors(), card="")
    bundle.write(written, DOCUMENT, tensors(), card="", parents=parents)
    assert bundle.read(written / "parents" / "teacher")[0]["weights"] == "ema"


def with_tokenizer(content: bytes = "词".encode()) -> dict[str, Any]:
    """The document of a model whose data has a tokenizer."""
    sha256 = hashlib.sha256(content).hexdigest()
    data = dataclasses.replace(data_spec(), assets={"tokenizer/词.json": sha256})
    return DOCUMENT | {"data": data.to_json()}


def test_files_of_the_data_come_along(tmp_path: Path) -> None:
    assets = {"tokenizer/词.json": "词".encode()}
    proof = bundle.write(tmp_path / "b", with_tokenizer(), tensors(), card="", assets=assets)
    assert (tmp_path / "b" / "tokenizer" / "词.json").read_text("utf-8") == "词"
    assert proof.inputs == ("8 tensors", "tokenizer/词.json")


@pytest.mark.parametrize("assets", [{}, {"tokenizer/词.json": b"other"}])
def test_files_that_are_not_those_of_the_data(tmp_path: Path, assets: dict[str, bytes]) -> None:
    with pytest.raises(GenctlError) as caught:
        bundle.write(tmp_path / "b", with_tokenizer(), tensors(), card="", assets=assets)
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert "tokenizer/词.json is not what belongs to the data" in caught.value.message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../key", "/etc/key", "C:\\key", "a/../../key", "a\\..\\..\\key"])
def test_a_bundle_names_files_of_its_own_alone(written: Path, name: str) -> None:
    data = dataclasses.replace(data_spec(), assets={name: "0" * 64})
    edit(data=data.to_json())(written)
    with pytest.raises(GenctlError, match="is damaged"):
        bundle.read(written)


def off_by_a_bit(path: Path, given: dict[str, Tensor]) -> None:
    save_tensors(path, given | {"model.count": given["model.count"] + 1})


def other_type(path: Path, given: dict[str, Tensor]) -> None:
    save_tensors(path, given | {"model.half": given["model.half"].half()})


def one_short(path: Path, given: dict[str, Tensor]) -> None:
    save_tensors(path, {name: t for name, t in given.items() if name != "model.empty"})


@pytest.mark.parametrize("faulty", [off_by_a_bit, other_type, one_short])
def test_a_failed_proof_leaves_things_as_they_were(
    written: Path, monkeypatch: pytest.MonkeyPatch, faulty: Callable[..., None]
) -> None:
    before = bundle.read(written)[0]
    monkeypatch.setattr(bundle, "save_tensors", faulty)
    with pytest.raises(GenctlError) as caught:
        bundle.write(written, DOCUMENT | {"step": 9}, tensors(), card="")
    assert caught.value.code is ExitStatus.PROOF_FAILED
    assert list(written.parent.iterdir()) == [written]
    assert bundle.read(written)[0] == before


def flip_a_byte(path: Path) -> None:
    file = path / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def truncate(path: Path) -> None:
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def edit(**changes: Any) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        file = path / "genctl.json"
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")

    return apply


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "its checksum is not the one"),
        (truncate, "cannot read the weights"),
        (lambda path: (path / "model.safetensors").unlink(), "no such weights file"),
        (lambda path: (path / "genctl.json").unlink(), "not a folder that genctl exported"),
        (lambda path: (path / "genctl.json").write_text("{"), "is damaged"),
        (lambda path: (path / "genctl.json").write_text("[1]"), "is damaged"),
        (lambda path: (path / "genctl.json").write_bytes(b"\xff\xfe"), "is damaged"),
        (edit(format_version=2), "has export format 2; this genctl reads format 1"),
        (edit(sha256=None), "is damaged"),
        (edit(config={}), "is damaged"),
        (edit(data={"shape": 3}), "is damaged"),
        (edit(step="two"), "is damaged"),
    ],
)
def test_damage_is_told_in_one_line(
    written: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(written)
    with pytest.raises(GenctlError) as caught:
        bundle.read(written)
    assert caught.value.code is ExitStatus.DATA
    assert reason in caught.value.message
    assert str(written) in caught.value.message
    assert "\n" not in caught.value.message
