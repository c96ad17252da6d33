"""Samples that differ get names that differ."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from genctl.api.models.model import Model, open_model
from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.base import SampleRequest, label_numbers
from genctl.outputs.naming import default_place
from tests.export.models import data_spec, tiny_run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of the classes ``1``, ``2``, ``a+b``, ``a`` and ``b``."""
    root = tmp_path_factory.mktemp("naming") / "run"
    tiny_run(root, data=data_spec(classes=("1", "2", "a+b", "a", "b")))
    return open_model(root, device="cpu")


def test_exports_beside_each_other(model: Model) -> None:
    names = ("digits-0.5", "digits-0.7", "gan", "gan.onnx")
    exports = [dataclasses.replace(model, origin=Path("exports", name)) for name in names]
    exports += [
        dataclasses.replace(exports[2], weights="raw"),
        dataclasses.replace(exports[2], step=1),
    ]
    places = [default_place(export, SampleRequest(64), ".png") for export in exports]
    assert len(set(places)) == len(places)
    assert {place.parent for place in places} == {Path("exports")}
    assert places[3].name == "gan.onnx-step2-ema-seed0-n64.png"


def test_an_export_in_the_working_folder(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = dataclasses.replace(model, origin=Path())
    assert default_place(here, SampleRequest(4), ".png").parent == tmp_path.parent


def test_labels_that_select_other_classes(model: Model) -> None:
    wanted: list[list[int | str]] = [[1], ["1"], ["a+b"], ["a", "b"], ["b", "a"]]
    assert label_numbers(model, [1, "1", "0"]) == [1, 0, 0]
    places = {default_place(model, SampleRequest(4, labels=labels), ".png") for labels in wanted}
    assert len(places) == len(wanted)


def test_labels_that_name_no_class(model: Model) -> None:
    with pytest.raises(GenctlError, match="labels names no class") as refused:
        model.sample(2, labels=[])
    assert refused.value.code == ExitStatus.USAGE
