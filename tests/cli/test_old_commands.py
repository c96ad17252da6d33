"""Every command that README and docs/cli.md printed before the verbs were put in order still runs.

They are parsed, not run; that older names give the same result as the present ones is tested below.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from genctl import config, registry
from genctl.api.evaluation import evaluate as evaluation
from genctl.api.evaluation.request import EvalRequest
from genctl.cli.app import OLDER_NAMES, app
from genctl.cli.verbs.models import sample
from genctl.evaluation.extractors.choose import ExtractorRequest
from genctl.evaluation.score import Score
from tests.command_line import Type

COMMANDS = """
genctl demo
genctl demo --budget 5m --device cpu --threads 2
genctl train gan
genctl train gan --data photos/ --budget 2h
genctl data check photos/
genctl train gan --preset mlp --set lr=1e-4
genctl train gan --dry-run
genctl train lm
genctl train lm --data books/ --size 10M
genctl train lm --data 小说/ --encoding gbk
genctl train diffusion
genctl train gan --data digits --amp off --amp bf16 --nproc 8 --shard
genctl train gan --width 24 --flip --no-flip --config f.toml --download --eval-every 10%
genctl train gan --seed 3 --out runs/x --new --log tensorboard --device cpu --threads 1
genctl train gan --batch_size 8
genctl sample --n 64
genctl sample RUN --labels 3,1,4 --out faces/
genctl sample RUN --prompt "The " --top-p 0.9
genctl sample RUN --prompts FILE --jsonl --max-new-tokens 9 --overflow stop
genctl sample RUN --steps 18 --guidance 1.5
genctl sample RUN --sampler heun --schedule karras --eta 0.5 --sigma-min 0.1 --sigma-max 9
genctl sample RUN --inpaint in.png --mask m.png
genctl sample RUN --init-image in.png --strength 0.6
genctl sample RUN --interpolate
genctl sample RUN --trajectory a.gif
genctl sample RUN --truncation 0.7 --weights ema --checkpoint 200 --batch-size 8 --seed 1
genctl sample model.onnx --n 64
genctl eval fid
genctl eval all
genctl eval fid,kid a.zip --ref b/ --protocol clean
genctl eval fid RUN --weights inception.pth --precision fast --require fid --strict
genctl eval fid RUN --precision exact --model-weights ema --checkpoint last --seed 2 --n 9
genctl eval bpb RUN
genctl eval bpb RUN --context 64 --out DIR --batch-size 4 --device cpu --threads 1
genctl eval fid digits --extractor px
genctl stats photos/ --out ref.npz
genctl stats digits --out r.npz --n 9 --extractor px --weights i.pth --protocol tf --device cpu
genctl compare a.json b.json
genctl export --format onnx
genctl export RUN --format hf
genctl export RUN --format diffusers --out x --weights raw --checkpoint best --threads 1
genctl watch
genctl watch RUN --port 0 --terminal
genctl report
genctl report RUN --out r.html
genctl runs ls
genctl runs show
genctl runs show RUN
genctl runs compare A B
genctl runs compare A B C
genctl runs rm A
genctl runs rm A B --yes
genctl runs rm A -y
genctl config show gan
genctl config show gan --preset mlp --config f.toml --set lr=1e-4
genctl config diff A B
genctl info
genctl info RUN
genctl explain
genctl explain 3
genctl models
genctl models gan
genctl doctor
genctl data ls
genctl data check photos/ --preview p.png --encoding gb18030
genctl data clean photos/ --out new --size 48x64 --channels 3 --near
genctl data label photos/ --pattern (.)_.* --by digits --device cpu
genctl models --json
genctl models -q
genctl models --verbose --debug
"""


def context_of(line: str) -> Any:
    """What the command line parses to; nothing is run."""
    root: Any = get_command(app)
    words = shlex.split(line)[1:]
    parent = root.make_context("genctl", [], obj=None, resilient_parsing=True)
    command, name = root, "genctl"
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = command.commands[name]
    return command.make_context(name, words, parent=parent)


@pytest.mark.parametrize("line", COMMANDS.strip().splitlines())
def test_it_still_parses(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line)
    text = {"--prompt", "--prompts"} & set(words)
    name = "lm" if text else "gan" if "--truncation" in words else "diffusion"
    spec = registry.get(name)
    monkeypatch.setattr(sample, "identify", lambda _: (spec, config.resolve(spec, environ={})))
    context = context_of(line)
    assert context.args == []


def test_older_names_are_hidden_and_named_on_the_long_screen(type_: Type) -> None:
    shown = type_("--help").out
    for old, present in OLDER_NAMES.items():
        assert f"\n  {old} " not in shown
        assert f"now genctl {present}" in type_("--help-all").out
        assert type_(*old.split(), "--help").code == 0


@pytest.fixture
def desk(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "runs"
    for name in ("A", "B"):
        shutil.copytree(trained, root / name)
    text = (root / "B" / "config.json").read_text("utf-8")
    (root / "B" / "config.json").write_text(text.replace('"lr": 0.0002', '"lr": 0.5'), "utf-8")
    monkeypatch.setenv("GENCTL_RUNS", str(root))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("old", "present"),
    [
        ("explain", "info exit-statuses"),
        ("explain 3", "info 3"),
        ("explain 3 --json", "info 3 --json"),
        ("config show gan --preset mlp", "info gan --preset mlp"),
        ("config show gan --set lr=0.1 --json", "info gan --set lr=0.1 --json"),
        ("runs compare A B", "compare A B"),
        ("runs compare A B --json", "compare A B --json"),
        ("runs show A", "info A"),
        ("report A --out a.html --json", "watch A --save a.html --json"),
        (
            "stats digits --n 100 --extractor px --out a.npz --json",
            "data stats digits --n 100 --extractor px --out a.npz --json",
        ),
    ],
)
def test_an_older_name_gives_the_same_result(
    desk: Path, type_: Type, old: str, present: str
) -> None:
    before, now = type_(*old.split()), type_(*present.split())
    assert (before.code, now.code) == (0, 0), before.err + now.err
    ages = re.compile(r"\d+ (s|min) ago")  # which a slow machine changes in between
    assert ages.sub("", before.out) == ages.sub("", now.out)


def test_config_diff_names_the_settings_that_compare_shows(desk: Path, type_: Type) -> None:
    old = type_("config", "diff", "A", "B", "--json").json["differing"]
    assert old == type_("compare", "A", "B", "--json").json["differing"]
    assert old["train.lr"] == ["0.0002", "0.5"]


class StoppedError(Exception):
    """Raised in place of an evaluation."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``genctl eval`` asks the SDK for; nothing is computed."""
    found: dict[str, Any] = {}

    def evaluate(request: EvalRequest, *_: object) -> None:
        found.update(vars(request))
        raise StoppedError

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    return found


@pytest.mark.parametrize(
    ("words", "weights", "file"),
    [
        ("", "best", None),
        ("--weights ema", "ema", None),
        ("--model-weights raw", "raw", None),
        ("--weights inception.pth", "best", "inception.pth"),
        ("--weights there", "best", "there"),
        ("--weights gone/file", "best", "gone/file"),
        ("--weights ./ema", "best", "ema"),
        ("--weights raw --extractor-weights there", "raw", "there"),
    ],
)
def test_weights_of_eval_are_the_models_unless_they_are_a_file(
    words: str,
    weights: str,
    file: str | None,
    type_: Type,
    asked: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("there", "best", "ema", "raw"):
        Path(name).touch()
    type_("eval", "fid", "RUN", *words.split())
    assert asked["weights"] == weights
    assert asked["extractor_weights"] == (Path(file) if file else None)


@pytest.mark.parametrize(
    ("typed", "dtype"),
    [("exact", "fp32"), ("fp32", "fp32"), ("auto", "fp32"), ("fast", "bf16"), ("bf16", "bf16")],
)
def test_older_precisions_mean_the_same(
    typed: str, dtype: str, type_: Type, asked: dict[str, Any]
) -> None:
    for option in ("--precision", "--amp"):
        type_("eval", "is", "A", option, typed)
        assert ExtractorRequest(precision=asked["precision"]).dtype == dtype


def test_a_run_with_amp_is_resumed(type_: Type, tmp_path: Path) -> None:
    """A run begun before ``train.amp`` was renamed, killed after two of its steps."""
    brief = ["--preset", "mlp", "--evaluations", "0", "--threads", "1", "--budget", "4steps"]
    out = tmp_path / "旧"
    assert type_("train", "gan", *brief, "--amp", "off", "--out", str(out)).code == 0
    whole = (out / "checkpoints" / "step-00000004" / "model.safetensors").read_bytes()
    for name in ("config.json", "resolved.json"):
        document = json.loads((out / name).read_text("utf-8"))
        for section in (document.get("config", {}).get("train"), document):
            if section and "precision" in section:
                section["amp"] = "off"
                del section["precision"]
        if "origins" in document:
            document["origins"]["train.amp"] = document["origins"].pop("train.precision")
        (out / name).write_text(json.dumps(document), "utf-8")
    last = json.loads((out / "last.json").read_text("utf-8"))
    (out / "last.json").write_text(json.dumps({**last, "finished": False}), "utf-8")
    again = type_("train", "gan", *brief, "--precision", "fp32", "--out", str(out), "--json")
    assert again.code == 0, again.err
    assert again.json["run"] == str(out)
    assert (out / "checkpoints" / "step-00000004" / "model.safetensors").read_bytes() == whole
    assert type_("sample", str(out), "--n", "2", "--out", str(tmp_path / "s.npz")).code == 0
    assert type_("info", str(out)).code == 0


def test_files_of_scores_and_runs_are_told_apart(desk: Path, type_: Type) -> None:
    score = Score("kd[digits]", 0.5, 0.1, "of chance", 20, 30, "kd|n:20/30")
    Path("a.json").write_text(json.dumps({"scores": [score.to_json()]}), "utf-8")
    Path("page").mkdir()
    shutil.copy("a.json", "page/eval.json")
    assert "comparisons" in type_("compare", "a.json", "page", "--json").json
    mixed = type_("compare", "a.json", "B")
    assert mixed.code == 2
    assert "cannot compare a file of scores with the run B" in mixed.err
    assert type_("compare", "a.json", "a.json", "a.json").code == 2
    assert type_("compare", "A").code == 2
