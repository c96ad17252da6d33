"""Older names of keys and values still mean what they meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genctl import config, registry
from genctl.config.aliases import current

SPEC = registry.get("gan")


@pytest.mark.parametrize(
    "layers",
    [
        {"sets": ["amp=off"]},
        {"sets": ["train.amp=off"]},
        {"environ": {"GENCTL_TRAIN_AMP": "off"}},
        {"flags": {"train.precision": "off"}},
        {"flags": {"amp": "exact"}},
    ],
)
def test_amp_is_precision_in_every_layer(layers: dict[str, Any]) -> None:
    found = config.resolve(SPEC, preset="small-64", **{"environ": {}, **layers})
    assert found.train.precision == "fp32"
    assert "train.amp" not in found.origins
    assert not found.origins["train.precision"].startswith("preset")


@pytest.mark.parametrize(("old", "new"), [("off", "fp32"), ("fast", "bf16"), ("auto", "auto")])
def test_a_file_with_amp_is_read(old: str, new: str, tmp_path: Path) -> None:
    file = tmp_path / "旧.toml"
    file.write_text(f'[train]\namp = "{old}"\n', "utf-8")
    assert config.resolve(SPEC, file=file, environ={}).train.precision == new


def test_the_configuration_of_an_old_run_is_read() -> None:
    now = config.resolve(SPEC, environ={}, sets=["precision=fp32"])
    document = now.to_json()
    document["train"]["amp"] = "off"
    del document["train"]["precision"]
    assert config.from_json(SPEC, document).to_json() == now.to_json()


def test_documents_of_old_runs_get_present_names() -> None:
    assert current({"train.amp": "off", "amp": "bf16", "data.size": "off"}) == {
        "train.precision": "fp32",
        "precision": "bf16",
        "data.size": "off",
    }
    assert current([1]) == [1]
    assert current(None) is None
