from __future__ import annotations

from pathlib import Path

import pytest

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.choose import ExtractorRequest, choose_extractor, monitor
from genctl.evaluation.extractors.inception import extractor as inception
from genctl.evaluation.extractors.inception import weights as inception_weights
from genctl.evaluation.extractors.inception.weights import FILE_NAMES
from genctl.evaluation.score import metric_name
from genctl.weights import sha256_of


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No weights on this machine but those that a test puts here."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def verified(hub: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The random weights in the published ones' place, taken for them."""
    path = hub / FILE_NAMES[0]
    path.symlink_to(weights_file)
    for module in (inception, inception_weights):
        monkeypatch.setattr(module, "SHA256", sha256_of(path))
    monkeypatch.setattr(inception_weights, "SIZE_BYTES", path.stat().st_size)
    return path


def test_the_data_come_first(verified: Path) -> None:
    choice = choose_extractor(ExtractorRequest(), data_extractor="digits")
    assert metric_name("fid", choice.extractor) == "fd[digits]"
    assert choice.reason == "default for this data"


def test_verified_inception_comes_second(verified: Path) -> None:
    choice = choose_extractor(ExtractorRequest())
    assert metric_name("fid", choice.extractor) == "fid"
    assert metric_name("is", choice.extractor) == "is"
    assert str(verified) in choice.reason


def test_random_weights_come_last() -> None:
    choice = choose_extractor(ExtractorRequest())
    assert metric_name("fid", choice.extractor) == "fd[rand]"
    assert "no verified Inception weights" in choice.reason


def test_damaged_weights_are_told_of(hub: Path) -> None:
    (hub / FILE_NAMES[1]).write_bytes(b"half a download")
    choice = choose_extractor(ExtractorRequest())
    assert metric_name("fid", choice.extractor) == "fd[rand]"
    assert f"{hub / FILE_NAMES[1]} has other content" in choice.reason


def test_other_inception_weights_are_never_called_fid(weights_file: Path) -> None:
    choice = choose_extractor(ExtractorRequest(weights=weights_file), data_extractor="digits")
    sha = sha256_of(weights_file)[:8]
    assert metric_name("fid", choice.extractor) == f"fd[inception:{sha}]"
    assert metric_name("is", choice.extractor) == f"is[inception:{sha}]"


@pytest.mark.parametrize("name", ["digits", "rand", "px"])
def test_a_request_is_followed(name: str, verified: Path) -> None:
    choice = choose_extractor(ExtractorRequest(name), data_extractor="digits")
    assert metric_name("fid", choice.extractor) == f"fd[{name}]"


def test_a_request_for_inception_finds_the_weights(verified: Path) -> None:
    choice = choose_extractor(ExtractorRequest("inception"), data_extractor="digits")
    assert metric_name("fid", choice.extractor) == "fid"


@pytest.mark.parametrize(("classifier", "name"), [(False, "inception"), (True, None)])
def test_missing_weights_say_what_to_put_where(
    classifier: bool, name: str | None, hub: Path
) -> None:
    with pytest.raises(GenctlError, match="weights were not found") as caught:
        choose_extractor(ExtractorRequest(name), classifier=classifier)
    assert caught.value.code is ExitStatus.DATA
    for part in (*FILE_NAMES, inception_weights.SHA256, "95,628,359", str(hub)):
        assert part in caught.value.hint


def test_unknown_extractor() -> None:
    with pytest.raises(GenctlError, match="did you mean 'digits'") as caught:
        choose_extractor(ExtractorRequest("digit"))
    assert caught.value.code is ExitStatus.USAGE


def test_weights_for_an_extractor_that_has_its_own(weights_file: Path) -> None:
    with pytest.raises(
        GenctlError, match="extractor_weights is for the inception extractor"
    ) as caught:
        choose_extractor(ExtractorRequest("rand", weights_file))
    assert caught.value.code is ExitStatus.USAGE


@pytest.mark.parametrize("protocol", ["pytorch-fid", "clean", "torchmetrics"])
def test_a_protocol_is_part_of_the_extractor(weights_file: Path, protocol: str) -> None:
    own = choose_extractor(ExtractorRequest(weights=weights_file)).extractor
    other = choose_extractor(ExtractorRequest(weights=weights_file, protocol=protocol)).extractor
    assert (own.protocol, own.sha256) != (other.protocol, other.sha256)
    assert own.sha256 == other.sha256


def test_protocols_are_of_inception(weights_file: Path) -> None:
    with pytest.raises(
        GenctlError, match="protocol is for the inception extractor, not for 'rand'"
    ) as caught:
        choose_extractor(ExtractorRequest("rand", protocol="clean"))
    assert caught.value.code is ExitStatus.USAGE
    with pytest.raises(GenctlError, match="unknown protocol 'cleam'; did you mean 'clean'"):
        choose_extractor(ExtractorRequest(weights=weights_file, protocol="cleam"))
    with pytest.raises(GenctlError, match="unknown precision 'bf61'; did you mean 'bf16'"):
        choose_extractor(ExtractorRequest("rand", precision="bf61"))


@pytest.mark.parametrize("data_extractor", ["digits", ""])
def test_what_chooses_checkpoints_does_not_report(data_extractor: str) -> None:
    chooser = choose_extractor(ExtractorRequest(monitor(data_extractor))).extractor
    reporter = choose_extractor(ExtractorRequest(), data_extractor=data_extractor or None).extractor
    assert chooser.sha256 != reporter.sha256


@pytest.mark.parametrize(
    ("data_extractor", "expected"),
    [("digits", "digits-monitor"), ("", "rand-monitor"), ("px", "rand-monitor")],
)
def test_data_whose_extractor_has_no_monitor_is_monitored_at_random(
    data_extractor: str, expected: str
) -> None:
    assert monitor(data_extractor) == expected
