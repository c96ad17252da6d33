from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.rand import RandExtractor
from genctl.evaluation.reference import Reference, make_reference
from genctl.evaluation.statistics_file import is_summary, read_summary, write_summary
from tests.data.odd_zips import ODD_ZIPS, made_odd


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 8, 8), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def reference(rand: RandExtractor) -> Reference:
    return make_reference([images(300, seed=1)], rand, name="r", sha256="0" * 64)


@pytest.fixture
def path(reference: Reference, rand: RandExtractor, tmp_path: Path) -> Path:
    path = tmp_path / "真实.npz"
    write_summary(path, reference.features, rand)
    return path


def test_distances_are_those_to_the_images(
    path: Path, reference: Reference, rand: RandExtractor
) -> None:
    known = read_summary(path, rand)
    assert known.count == 300
    for metric in ("fid", "fid-infinity"):
        [to_file] = evaluate_images([metric], [images(400)], rand, known)
        [to_images] = evaluate_images([metric], [images(400)], rand, reference)
        assert to_file.value == pytest.approx(to_images.value, rel=1e-9)
        assert to_file.error == pytest.approx(to_images.error, rel=1e-6)
        assert (to_file.n_generated, to_file.n_reference) == (400, 300)
        assert "|n:400/300|ref:真实@" in to_file.signature


def test_what_needs_images_says_so(path: Path, rand: RandExtractor) -> None:
    known = read_summary(path, rand)
    for metric in ("kid", "prdc"):
        with pytest.raises(GenctlError, match="statistics and no images") as caught:
            evaluate_images([metric], [images(40)], rand, known)
        assert caught.value.code == ExitStatus.USAGE


def test_other_tools_read_it_and_theirs_are_read(path: Path, rand: RandExtractor) -> None:
    with np.load(path, allow_pickle=False) as found:
        mean, covariance = found["mu"], found["sigma"]
    assert mean.shape == (rand.dim,)
    assert covariance.shape == (rand.dim, rand.dim)
    older = path.with_name("older.npz")
    np.savez(older, m=mean, s=covariance)
    assert is_summary(older)
    known = read_summary(older, rand)
    assert known.count is None
    [score] = evaluate_images(["fid"], [images(400)], rand, known)
    assert "|n:400/unknown|" in score.signature
    assert score.n_reference is None


def test_features_of_the_right_number_that_nobody_named_are_a_warning(
    path: Path, rand: RandExtractor
) -> None:
    words = "older.npz does not say whose features its statistics are: only their number, "
    with np.load(path, allow_pickle=False) as found:
        np.savez(path.with_name("older.npz"), mu=found["mu"], sigma=found["sigma"])
    warned = []
    for file in (path, path.with_name("older.npz")):
        for metric in ("fid", "fid-infinity"):
            [score] = evaluate_images([metric], [images(400)], rand, read_summary(file, rand))
            warned.append([line for line in score.warnings if "does not say" in line])
    line = f"{words}{rand.dim:,}, was checked"
    assert warned == [[], [], [line], [line]]


def test_statistics_that_do_not_fit(path: Path, rand: RandExtractor, tmp_path: Path) -> None:
    with np.load(path) as found:
        arrays = dict(found)
    for name, changes, reason in (
        ("small", {"mu": np.zeros(3), "sigma": np.eye(3)}, "they have 3 features, and rand"),
        ("other", {"extractor": np.str_("inception:6726825d:tf")}, "made with inception"),
        ("nan", {"mu": np.full(rand.dim, np.nan)}, "not finite"),
    ):
        wrong = tmp_path / f"{name}.npz"
        np.savez(wrong, **{**arrays, **changes})
        with pytest.raises(GenctlError, match=reason) as caught:
            read_summary(wrong, rand)
        assert caught.value.code == ExitStatus.DATA


def test_a_pickle_is_refused(rand: RandExtractor, tmp_path: Path) -> None:
    path = tmp_path / "pickled.npz"
    np.savez(path, mu=np.array([{}], dtype=object), sigma=np.eye(1))
    with pytest.raises(GenctlError, match="cannot take statistics") as caught:
        read_summary(path, rand)
    assert caught.value.code == ExitStatus.DATA


@pytest.mark.parametrize("name", ["sigma", "n", "extractor"])
def test_members_that_are_no_arrays(name: str, rand: RandExtractor, tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    arrays: dict[str, Any] = {"mu": np.zeros(rand.dim), "sigma": np.eye(rand.dim)}
    np.savez(path, **{key: array for key, array in arrays.items() if key != name})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}.npy", b"no array")
    with pytest.raises(GenctlError, match=f"{name} is not an array") as refused:
        read_summary(path, rand)
    assert refused.value.code == ExitStatus.DATA


def test_archives_of_images_are_no_statistics(path: Path, tmp_path: Path) -> None:
    assert is_summary(path)
    both = tmp_path / "both.npz"
    np.savez(both, np.zeros((2, 8, 8, 3), np.uint8), mu=np.zeros(2), sigma=np.eye(2))
    assert not is_summary(both)
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(path.read_bytes()[:-30])
    assert not is_summary(damaged)
    assert not is_summary(tmp_path / "absent.npz")


def test_a_changed_protocol_is_another_extractor(path: Path) -> None:
    changed = RandExtractor()
    changed.protocol = "rgb-nearest-64"
    with pytest.raises(GenctlError, match="rgb-bilinear-64, not with rand"):
        read_summary(path, changed)


@pytest.mark.parametrize("kind", ODD_ZIPS)
def test_statistics_of_a_kind_nobody_reads(kind: str, rand: RandExtractor, tmp_path: Path) -> None:
    np.savez(tmp_path / "odd.npz", mu=np.zeros(rand.dim), sigma=np.eye(rand.dim))
    path = made_odd(tmp_path / "odd.npz", kind)
    with pytest.raises(GenctlError, match=ODD_ZIPS[kind].message) as refused:
        read_summary(path, rand)
    assert refused.value.code == ExitStatus.DATA
