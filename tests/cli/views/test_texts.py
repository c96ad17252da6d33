"""Typing at a language model: prompts, streams, documents, files, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import Type
from tests.families.lm.texts import chinese


@pytest.fixture(scope="session")
def poet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a model of Chinese text."""
    from genctl import train

    folder = tmp_path_factory.mktemp("lm")
    sets = ["width=32", "depth=1", "heads=2", "context=32", "evaluations=0", "tokenizer=char"]
    source = str(chinese(folder / "诗.txt"))
    return train(
        "lm", data=source, budget="30steps", sets=sets, out=folder / "诗-1", threads=1
    ).path


@pytest.fixture
def poet(poet_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of that run, which is also the latest one."""
    monkeypatch.setenv("GENCTL_RUNS", str(poet_folder.parent))
    return poet_folder.name


def test_a_prompt_is_gone_on_with(type_: Type, poet: str) -> None:
    said = type_("sample", "--prompt", "春眠", "--max-new-tokens", "20")
    assert said.code == 0
    assert said.out.startswith("春眠")
    assert len(said.out.rstrip("\n")) == 22
    assert "20 tokens in" in said.err
    assert type_("sample", poet, "--prompt", "春眠", "--max-new-tokens", "20").out == said.out
    assert type_("sample", poet, "--prompt", "春眠", "--seed", "1").out != said.out


def test_quiet_and_json_hold_the_same_text(type_: Type, poet: str) -> None:
    words = ("sample", poet, "--prompt", "春", "--max-new-tokens", "12")
    text = type_(*words).out
    assert type_(*words, "-q").out == text
    document = type_(*words, "--json").json
    (sample,) = document["samples"]
    assert sample["prompt"] + sample["text"] + "\n" == text
    assert (sample["tokens"], sample["finished"]) == (12, "length")
    assert document["kind"] == "text"
    (line,) = type_(*words, "--jsonl").out.splitlines()
    assert json.loads(line) == sample


def test_several_prompts_from_the_line_and_a_file(type_: Type, poet: str, tmp_path: Path) -> None:
    (tmp_path / "题.txt").write_text("处处\n夜来\n", "utf-8")
    words = ("sample", poet, "--prompt", "春", "--prompts", str(tmp_path / "题.txt"))
    lines = type_(*words, "--jsonl", "--max-new-tokens", "5").out.splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["春", "处处", "夜来"]
    lines = type_(*words, "--n", "5", "--jsonl", "--max-new-tokens", "5").out.splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["春", "处处", "夜来", "春", "处处"]


def test_texts_can_be_kept(type_: Type, poet: str, tmp_path: Path) -> None:
    words = ("sample", poet, "--n", "3", "--max-new-tokens", "5")
    for name, count in (("诗.jsonl", 3), ("诗.txt", None)):
        said = type_(*words, "--out", str(tmp_path / "出" / name))
        assert said.code == 0
        assert str(tmp_path / "出" / name) in said.out
        content = (tmp_path / "出" / name).read_text("utf-8")
        assert count is None or len(content.splitlines()) == count


def test_a_stop_is_left_out(type_: Type, poet: str) -> None:
    document = type_("sample", poet, "--prompt", "春", "--stop", "。", "--json").json
    (sample,) = document["samples"]
    assert sample["finished"] == "stop"
    assert "。" not in sample["text"]


def test_eval_says_how_well_text_is_predicted(type_: Type, poet: str) -> None:
    said = type_("eval", "bpb", poet)
    assert said.code == 0
    assert said.out.startswith("bpb ")
    assert "nats, perplexity" in said.out
    assert type_("eval", "bpb", poet, "--json").json["scores"][0]["name"] == "bpb"


def test_what_to_type_next(type_: Type, poet: str) -> None:
    assert "--temperature" in type_("sample", poet, "--help").out
    shown = type_("runs", "show", poet).out
    assert "诗" in shown


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("--temperature -1", 2, "temperature"),
        ("--top-p 2", 2, "--top-p 2: input should be less than or equal to 1"),
        ("--top-k -3", 2, "--top-k -3: input should be"),
        ("--max-new-tokens 0", 2, "--max-new-tokens 0: input should be"),
        ("--steps 18", 2, "unknown option '--steps'"),
        ("--temprature 1", 2, "unknown option '--temprature'; did you mean '--temperature'?"),
        ("--prompt 猫", 2, "猫"),
        ("--labels 1", 2, "takes no labels"),
        ("--prompts nowhere.txt", 3, "nowhere.txt"),
        ("--n 0", 2, "--n 0 is below 1"),
        ("--out text.png", 2, "cannot save text as"),
        ("--json --jsonl", 2, "exclude each other"),
    ],
)
def test_a_mistake_is_one_clear_line(
    type_: Type, poet: str, options: str, code: int, words: str
) -> None:
    said = type_("sample", poet, *options.split())
    assert said.code == code
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]


def test_a_prompt_means_nothing_to_a_gan(type_: Type, run: str) -> None:
    said = type_("sample", run, "--prompt", "a cat")
    assert said.code == 2
    assert "generates images, so --prompt does not apply" in said.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04\x00\x00binary", "binary"),
        ("好".encode() * 5 + b"\xff\xfe", "byte 15"),
        (b"short", "context"),
    ],
)
def test_texts_that_cannot_be_used(type_: Type, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "文.txt").write_bytes(content)
    said = type_("train", "lm", "--data", str(tmp_path / "文.txt"))
    assert said.code == 3
    assert words in said.err.splitlines()[0]
    assert "文.txt" in said.err.splitlines()[0]
    assert not (tmp_path / "runs").exists()
