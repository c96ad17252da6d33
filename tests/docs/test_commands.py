"""Every command that the READMEs and the tutorial print, typed in order, with small budgets."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genctl
from genctl.cli import main
from genctl.runs import Run
from tests.data.pictures import pixels, write

ROOT = Path(__file__).parents[2]
SLOW = pytest.mark.slow
"""The same commands with other names."""

TINY = {
    "gan": ("--preset", "mlp", "--batch-size", "8"),
    "diffusion": ("--width", "8", "--depth", "1", "--batch-size", "8"),
    "lm": ("--width", "32", "--depth", "1", "--heads", "2", "--context", "64"),
}
BRIEF = ("--budget", "2steps", "--evaluations", "0", "--threads", "1")


def typed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says on stdout; it must succeed."""
    capsys.readouterr()
    code = main(words[1:])
    said = capsys.readouterr()
    assert code == 0, f"{shlex.join(words)}\n{said.err}"
    return said.out


def briefly(words: list[str]) -> list[str]:
    """The same training, of a tiny model for two steps."""
    if words[1:2] != ["train"] or "--dry-run" in words:
        return words
    family = words[2]
    given = set(words)
    extra = [*TINY[family], *BRIEF]
    kept = [(k, v) for k, v in zip(extra[::2], extra[1::2], strict=True) if k not in given]
    shortened = [*words, *(text for pair in kept for text in pair)]
    if "--budget" in given:
        shortened[shortened.index("--budget") + 1] = "2steps"
    if "--size" in given:  # derives width and depth by itself
        place = shortened.index("--width")
        shortened = [*shortened[:place], "--batch-size", "2", *BRIEF]
    return shortened


def commands(text: str, language: str) -> Iterator[str]:
    """The lines of code blocks that begin with ``genctl``, without their comments."""
    for block in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("genctl "):
                yield re.sub(r"\s+#.*$", "", line).strip()


@pytest.mark.parametrize("name", ["tutorial.md", pytest.param("tutorial.zh.md", marks=SLOW)])
def test_the_tutorial(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENCTL_RUNS", str(tmp_path / "runs"))
    found = list(commands((ROOT / "docs" / name).read_text("utf-8"), "sh"))
    assert len(found) > 20
    for line in found:
        command, _, target = line.partition(" > ")
        said = typed(briefly(shlex.split(command)), capsys)
        if target:
            Path(target).write_text(said, "utf-8")
    assert (tmp_path / "runs" / "gan-digits-1" / "eval.html").is_file()
    assert not (tmp_path / "runs" / "gan-digits-2").exists()
    pictures = list(tmp_path.glob("*.png"))
    assert len(pictures) == 3
    for path in pictures:
        with Image.open(path) as picture:
            picture.verify()


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_python_of_the_readmes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENCTL_RUNS", str(tmp_path / "runs"))
    Path("小说.txt").write_text("床前明月光，疑是地上霜。\n" * 400, "utf-8")
    train = genctl.train

    def briefly_train(family: str, **options: object) -> Run:
        tiny = {"gan": {"width": 4, "z_dim": 8}, "lm": {"width": 32, "depth": 1, "context": 64}}
        brief = {"budget": "2steps", "threads": 1, "options": {**tiny[family], "evaluations": 0}}
        return train(family, **{**options, **brief})

    monkeypatch.setattr(genctl, "train", briefly_train, raising=False)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    exec(block, {})
    assert list(tmp_path.glob("*.png"))
    assert list(tmp_path.glob("runs/gan-*/export/*.onnx"))
    said = capsys.readouterr().out
    assert said.startswith("fd[digits] ")
    assert len(said.splitlines()[1:]) > 0


@pytest.fixture
def desk(
    tmp_path: Path,
    weights_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    """A folder with all that the READMEs speak of."""
    shutil.copy(weights_file, tmp_path / "inception.pth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENCTL_RUNS", str(tmp_path / "runs"))
    for name in ("photos", "照片", "a", "b", "甲", "乙"):
        for number in range(40):
            write(tmp_path / name / f"{number}.png", pixels(number, 28, 28))
    for name in ("a", "甲"):
        shutil.make_archive(name, "zip", tmp_path / name)
    for name in ("books/a.txt", "小说.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("The quick brown fox. 床前明月光，疑是地上霜。\n" * 400, "utf-8")
    Path("小说").mkdir()
    Path("小说/第一章.txt").write_bytes("床前明月光，疑是地上霜。\n".encode("gbk") * 400)
    for name in ("in.png", "图.png"):
        write(tmp_path / name, pixels(0, 28, 28))
    for name in ("m.png", "遮.png"):
        write(tmp_path / name, np.eye(28, dtype=np.uint8) * 255)
    for family, more in (("diffusion", ()), ("lm", ("--data", "小说.txt")), ("gan", ())):
        words = ["genctl", "train", family, "--out", f"runs/{family}", *more]
        typed(briefly(words), capsys)
    typed(["genctl", "export", "gan", "--format", "onnx", "--out", "model.onnx"], capsys)
    for name in ("a", "b"):
        said = typed(["genctl", "eval", "fid", "gan", "--n", "64", "--json"], capsys)
        assert json.loads(said)["scores"]
        Path(f"{name}.json").write_text(said, "utf-8")
    for name in ("A", "B", "甲-1", "乙-1"):
        shutil.copytree("runs/gan", f"runs/{name}")
    return tmp_path


def concrete(line: str) -> list[str]:
    """A command of a README with names in the place of placeholders."""
    words = shlex.split(line)
    text = any(word in words for word in ("--prompt", "bpb", "hf"))
    diffusion = any(w in words for w in ("--steps", "--inpaint", "diffusers", "--guidance"))
    run = "lm" if text else "diffusion" if diffusion else "gan"
    words = [run if word == "RUN" else word for word in words]
    named = run in words or "zip" in line or any(w.endswith((".onnx", ".json")) for w in words)
    if words[1] in ("sample", "eval", "export") and not named:
        words.insert(3 if words[1] == "eval" else 2, run)
    if words[1] == "eval":
        words += ["--n", "64"]
    if "--protocol" in words:
        words += ["--weights", "inception.pth", "--n", "20"]
    if "--labels" in words:
        words[words.index("--labels") + 1] = "3,1,4"
        words[words.index(run)] = "diffusion"
    return words


@pytest.mark.parametrize("name", ["README.md", pytest.param("README.zh-CN.md", marks=SLOW)])
def test_the_readmes(name: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(commands((ROOT / name).read_text("utf-8"), ""))
    assert len(found) > 25
    for line in found:
        for part in re.split(r" · (?=genctl |[a-z])", line):
            words = part if part.startswith("genctl ") else f"genctl {part}"
            if words.startswith(("genctl demo", "genctl watch", "genctl --")):
                continue  # a test of its own; without an end
            named = re.sub(r"runs (compare|rm) 甲( 乙)?", _runs, words)
            typed(briefly(_answered(concrete(named))), capsys)


def _runs(match: re.Match[str]) -> str:
    return f"runs {match[1]} 甲-1" + (" 乙-1" if match[2] else "")


def _answered(words: list[str]) -> list[str]:
    return [*words, "--yes"] if words[1:3] == ["runs", "rm"] else words
