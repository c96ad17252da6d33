"""Every command of the READMEs and of the pages, typed in order, with small budgets."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import genctl
from genctl.cli import main
from genctl.errors import ExitStatus
from genctl.runs import Run
from tests.data.pictures import pixels, write

ROOT = Path(__file__).parents[2]
SLOW = pytest.mark.slow
"""What takes longer than a quick run of the tests should."""

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
    sized = family == "lm" and "--size" in given  # the size derives width and depth
    extra = ["--batch-size", "2", *BRIEF] if sized else [*TINY[family], *BRIEF]
    kept = [(k, v) for k, v in zip(extra[::2], extra[1::2], strict=True) if k not in given]
    shortened = [*words, *(text for pair in kept for text in pair)]
    if "--budget" in given:
        shortened[shortened.index("--budget") + 1] = "2steps"
    return shortened


def commands(text: str, language: str) -> Iterator[str]:
    """The lines of code blocks that begin with ``genctl``, without their comments."""
    for block in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            if line.startswith("genctl "):
                yield re.sub(r"\s+#.*$", "", line).strip()


@SLOW
@pytest.mark.parametrize("name", ["tutorial.md", "tutorial.zh.md"])
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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of the digits in it take longer than most commands of a page."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_python_of_the_readmes(
    name: str,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENCTL_CACHE", str(cache))
    monkeypatch.setenv("GENCTL_RUNS", str(tmp_path / "runs"))
    Path("小说.txt").write_text("床前明月光，疑是地上霜。\n" * 400, "utf-8")
    train = genctl.train

    def briefly_train(family: str, **options: Any) -> Run:
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


@pytest.fixture(scope="module")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, weights_file: Path, cache: Path
) -> tuple[Path, Path]:
    """A folder with all files and runs that the pages name, and its cache: made once."""
    desk = tmp_path_factory.mktemp("desk")
    shutil.copy(weights_file, desk / "inception.pth")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(desk)
        patched.setenv("GENCTL_RUNS", "runs")
        patched.setenv("GENCTL_CACHE", str(cache))
        _write_files(desk)
        for family, more in (("diffusion", ()), ("lm", ("--data", "小说.txt")), ("gan", ())):
            words = ["genctl", "train", family, "--out", f"runs/{family}", *more]
            assert main(briefly(words)[1:]) == 0
        assert main(["export", "gan", "--format", "onnx", "--out", "model.onnx"]) == 0
        assert main(["eval", "fid", "gan", "--n", "64", "--out", "scores"]) == 0
    for name in ("a", "b"):
        shutil.copy(desk / "scores" / "eval.json", desk / f"{name}.json")
    for name in ("A-1", "B-1", "甲-1", "乙-1"):
        shutil.copytree(desk / "runs" / "gan", desk / "runs" / name)
    return desk, cache


@pytest.fixture
def desk(furnished: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the furnished folder, which is the current one."""
    folder = tmp_path / "desk"
    shutil.copytree(furnished[0], folder)
    shutil.copytree(furnished[1], tmp_path / "cache", dirs_exist_ok=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GENCTL_RUNS", str(folder / "runs"))
    return folder


def _write_files(desk: Path) -> None:
    """The images and texts that the pages name."""
    for name in ("photos", "照片", "a", "b", "甲", "乙"):
        for number in range(40):
            write(desk / name / f"{number}.png", pixels(number, 28, 28))
    for name in ("a", "real", "甲"):
        shutil.make_archive(name, "zip", desk / "a")
    for name in ("books/a.txt", "小说.txt"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("The quick brown fox. 床前明月光，疑是地上霜。\n" * 400, "utf-8")
    for name in ("小说/第一章.txt", "novels/1.txt"):
        Path(name).parent.mkdir()
        Path(name).write_bytes("床前明月光，疑是地上霜。\n".encode("gbk") * 400)
    Path("prompts.txt").write_text("The \nA \n", "utf-8")
    for name in ("in.png", "图.png"):
        write(desk / name, pixels(0, 28, 28))
    for name in ("m.png", "遮.png"):
        write(desk / name, np.eye(28, dtype=np.uint8) * 255)


OF_TEXT = {"--prompt", "--prompts", "bpb", "hf", "gguf"}
OF_DIFFUSION = {"--steps", "--inpaint", "diffusers", "--guidance", "--labels"}


def concrete(line: str) -> list[str]:
    """A command of a page with names in the place of placeholders, and few samples."""
    line = re.sub(r"(compare|runs rm|watch|runs show) ([AB甲乙])( [AB甲乙])?$", _runs, line)
    words = ["photos/" if word == "emoji" else word for word in shlex.split(line)]
    if "--truncation" in words and "--labels" in words:  # the tiny GAN has no classes
        place = words.index("--labels")
        del words[place : place + 2]
    given = set(words)
    run = "lm" if OF_TEXT & given else "diffusion" if OF_DIFFUSION & given else "gan"
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
    return [*words, "--yes"] if words[1:3] == ["runs", "rm"] else words


def _runs(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]}-1" + (f"{match[3]}-1" if match[3] else "")


WITHOUT_END = ("genctl demo", "genctl watch", "genctl --")
"""A test of its own has the demo; the page of ``watch`` stays, and ``--version`` exits."""

REFUSED = {
    "genctl data check novels/": "cannot be read",
    "genctl eval fid RUN --require fid --strict --n 50000": "weights",
}
"""Commands that end with status 3 on this desk, and a word of why."""

PAGES = {
    "README.md": ("", 8),
    "README.zh-CN.md": ("", 8),
    "docs/commands.md": ("sh", 35),
    "docs/index.md": ("sh", 6),
    "docs/gan.md": ("sh", 5),
    "docs/lm.md": ("sh", 8),
    "docs/diffusion.md": ("sh", 5),
    "docs/data.md": ("sh", 7),
    "docs/evaluation.md": ("sh", 4),
    "docs/export.md": ("sh", 3),
}
"""Page -> the language of its code blocks, and how many commands it has at least."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "README.md" else SLOW) for n in PAGES],
)
def test_the_commands_of_a_page(name: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    language, least = PAGES[name]
    found = list(commands((ROOT / name).read_text("utf-8"), language))
    assert len(found) >= least
    for line in found:
        if line.startswith(WITHOUT_END) and "--save" not in line:
            continue
        words = briefly(concrete(line))
        if line in REFUSED:
            assert main(words[1:]) == 3
            said = capsys.readouterr()
            assert REFUSED[line] in said.out + said.err
        else:
            typed(words, capsys)


def test_the_table_of_exit_statuses_has_all() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    section = text.partition("## Errors and exit statuses")[2].partition("\n## ")[0]
    listed = [int(number) for number in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert listed == [int(status) for status in ExitStatus]
