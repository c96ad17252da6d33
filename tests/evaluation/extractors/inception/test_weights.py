from __future__ import annotations

from pathlib import Path

import pytest

from genctl.evaluation.extractors.inception import weights as inception_weights
from genctl.evaluation.extractors.inception.weights import FILE_NAMES, find_weights
from genctl.weights import sha256_of


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """Content that stands for the published file, and an empty hub folder to put it into."""
    content = b"published"
    path = tmp_path / "published"
    path.write_bytes(content)
    monkeypatch.setattr(inception_weights, "SHA256", sha256_of(path))
    monkeypatch.setattr(inception_weights, "SIZE_BYTES", len(content))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "torch" / "hub" / "checkpoints").mkdir(parents=True)
    return content


@pytest.mark.parametrize("name", FILE_NAMES)
def test_finds_weights_that_other_tools_downloaded(
    name: str, published: bytes, tmp_path: Path
) -> None:
    assert find_weights().path is None
    path = tmp_path / "torch" / "hub" / "checkpoints" / name
    path.write_bytes(published)
    assert find_weights().path == path


@pytest.mark.parametrize("named", ["folder", "file"])
def test_environment_variable_comes_first(
    named: str, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch" / "hub" / "checkpoints" / FILE_NAMES[0]).write_bytes(published)
    path = tmp_path / "模型" / FILE_NAMES[1]
    path.parent.mkdir()
    path.write_bytes(published)
    monkeypatch.setenv("GENCTL_WEIGHTS", str(path if named == "file" else path.parent))
    assert find_weights().path == path


def test_other_content_under_the_right_name_is_rejected(published: bytes, tmp_path: Path) -> None:
    path = tmp_path / "torch" / "hub" / "checkpoints" / FILE_NAMES[0]
    path.write_bytes(published[::-1])
    search = find_weights()
    assert search.path is None
    assert str(path) in search.rejected[0]


def test_environment_variable_that_names_nothing_is_told_of(
    published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENCTL_WEIGHTS", str(tmp_path / "无"))
    search = find_weights()
    assert search.path is None
    assert search.rejected == (f"{tmp_path / '无'} cannot be read (No such file or directory)",)
