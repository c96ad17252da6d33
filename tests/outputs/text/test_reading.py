from __future__ import annotations

from pathlib import Path

import pytest

from genctl.errors import ExitStatus, GenctlError
from genctl.outputs.text.reading import read_samples
from genctl.outputs.text.samples import TextSample, TextSamples


def some(*texts: str) -> TextSamples:
    return TextSamples([TextSample("", text, 3, "length") for text in texts])


@pytest.mark.parametrize("suffix", [".txt", ".jsonl"])
@pytest.mark.parametrize(
    "texts", [("one\ntwo\nthree",), ("一", "two\nlines"), ("", "x", ""), ("only",)]
)
def test_saved_texts_come_back(tmp_path: Path, suffix: str, texts: tuple[str, ...]) -> None:
    place = some(*texts).save(tmp_path / f"texts{suffix}")
    assert [sample.text for sample in read_samples(place).samples] == list(texts)


def test_texts_with_dashes_between_them_only(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text(str(some("a\nb", "c")) + "\n")
    assert [sample.text for sample in read_samples(path).samples] == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"hello"', "line 2: it is not an object"),
        ("[1]", "line 2: it is not an object"),
        ('{"prompt": "x"}', "line 2: it is not an object"),
        ('{"text": null}', "line 2: it is not an object"),
        ('{"text": "x", "tokens": "many"}', "line 2: invalid literal"),
        ('{"text": "x", "tokens": []}', "line 2: int"),
        ("{", "line 2: "),
        ("[" * 100_000, "line 2: "),
    ],
)
def test_lines_that_hold_no_text(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f'{{"text": "fine"}}\n{line}\n')
    with pytest.raises(GenctlError, match=f"cannot read texts from .*: {reason}") as refused:
        read_samples(path)
    assert refused.value.code is ExitStatus.DATA
