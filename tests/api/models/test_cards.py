from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from genctl import config, registry
from genctl.api.models.cards import export_card, run_card, train_command
from genctl.api.models.exporting import export
from genctl.api.models.model import open_model
from genctl.data.images.options import ImageData
from tests.export.models import data_spec, tiny_config, tiny_run


def test_the_run_in_its_own_words(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "gan-照片-1")
    best = {"checkpoint": "step-00000002", "step": 2, "metric": "fd", "value": 9.87}
    rows = [{"position": 64, "fd": 11.0}, {"position": 96}, {"position": 128, "fd": 9.87}]
    run.write("best.json", best)
    (run.path / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    text = run_card(run, tiny_config(), data_spec())
    assert text.startswith("# gan-照片-1\n")
    assert "the checkpoint of step 2, which scored best in training" in text
    assert "- 2 steps, 128 examples, in 2 s" in text
    assert "`fd[rand-monitor]` 9.87 at step 2, the best of 2 scored checkpoints: " in text
    assert "in the features of the rand-monitor extractor" in text
    assert "| `model.width` | `4` | sets |" in text
    assert f"| `train.lr` | `{tiny_config().train.lr}` | preset digits |" in text
    assert "`model.depth`" not in text


def test_sizes_are_those_of_the_networks(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    model = open_model(run, weights="raw")
    text = run_card(run, tiny_config(), data_spec())
    for role, module in model.trained.modules.items():
        assert f"{role} {sum(p.numel() for p in module.parameters()):,}" in text


def test_bundled_digits_come_with_their_licence(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    digits = ImageData().source
    data = data_spec().to_json() | {"source": digits, "name": digits}
    assert "CC BY-SA 3.0" in run_card(run, tiny_config(), data_spec().from_json(data))
    assert "CC BY-SA" not in run_card(run, tiny_config(), data_spec())


def test_an_export_keeps_its_card_when_it_is_exported_again(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    first = export(run).path
    second = export(first, out=tmp_path / "second").path
    card = (first / "README.md").read_text("utf-8")
    assert "holds the `ema` weights of step 2" in card
    assert "| `model.width` | `4` | sets |" in card
    assert (second / "README.md").read_text("utf-8") == card


def test_an_export_is_about_its_own_weights(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    averaged, raw = export_card(open_model(run)), export_card(open_model(run, weights="raw"))
    assert "discriminator" not in averaged.partition("## Data")[0]
    assert "discriminator" in raw.partition("## Data")[0]
    assert "`raw` weights of step 2" in raw


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ({}, "genctl train gan"),
        ({"preset": "mlp", "flags": {"seed": 3}}, "genctl train gan --preset mlp --seed 3"),
        (
            {"flags": {"data.source": "我的 照片", "train.budget": "5m"}},
            "genctl train gan --data '我的 照片' --budget 5m",
        ),
        (
            {"sets": ["lr=2e-4", "flip=true", "data.size=64"]},
            "genctl train gan --set 'data.size=\"64\"' --set data.flip=true --set train.lr=0.0002",
        ),
        (
            {"environ": {"GENCTL_TRAIN_AMP": "off", "GENCTL_MODEL_LOSS": "hinge"}},
            "genctl train gan --set model.loss=hinge --precision fp32",
        ),
    ],
)
def test_the_command_makes_the_same_configuration_again(
    options: dict[str, Any], command: str
) -> None:
    spec = registry.get("gan")
    settings = config.resolve(spec, **{"environ": {}, **options})
    assert train_command(settings) == command
    words = shlex.split(command)[3:]
    given = list(zip(words[::2], words[1::2], strict=True))
    names = {"--data": "data.source", "--budget": "train.budget", "--precision": "train.precision"}
    again = config.resolve(
        spec,
        environ={},
        preset=dict(given).get("--preset"),
        sets=[value for flag, value in given if flag == "--set"],
        flags={
            names.get(flag, "seed"): int(value) if flag == "--seed" else value
            for flag, value in given
            if flag not in ("--set", "--preset")
        },
    )
    assert again.to_json() == settings.to_json()
