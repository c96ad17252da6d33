from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from hypothesis import given
from hypothesis import strategies as st

from genctl import config, registry
from genctl.config import option
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import DATA_KINDS, Spec


@dataclass(frozen=True)
class Model:
    width: Annotated[int, Ge(4)] = option(16, "how wide")
    kind: Literal["conv", "mlp"] = option("conv", "which")
    seed_like: float = option(0.5, "a number")


@dataclass(frozen=True)
class Request:
    steps: Annotated[int, Ge(1)] = option(18, "how many")


@dataclass(frozen=True)
class Blank:
    source: str = option("", "where")


SPEC = Spec(
    api=2,
    name="toy",
    summary="a toy",
    config=Model,
    targets={},
    reads={"image": "image"},
    makes="image",
    presets={"default": {"lr": 2e-3, "width": 24}, "small": {"width": 8}},
    request=Request,
    parents={"teacher": "a run"},
)


def resolve(**layers: Any) -> config.Config:
    return config.resolve(SPEC, **{"environ": {}, **layers})


def test_later_layers_win_and_origins_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "设置.toml"
    file.write_text('preset = "small"\n[train]\nlr = 0.5\nclip = 1.0\nbeta1 = 0.1\nbeta2 = 0.2\n')
    found = resolve(
        file=file,
        environ={"GENCTL_TRAIN_CLIP": "2", "GENCTL_TRAIN_BETA1": "0.3", "GENCTL_RUNS": "x"},
        sets=["beta1=0.4", "train.final_lr=0.5"],
        flags={"train.final_lr": 0.25, "seed": None},
    )
    assert (found.preset, found.model.width) == ("small", 8)
    train = found.train
    assert (train.lr, train.clip, train.beta1, train.beta2, train.final_lr) == (
        0.5, 2.0, 0.4, 0.2, 0.25,
    )  # fmt: skip
    assert found.origins["model.width"] == "preset small"
    assert found.origins["train.lr"] == str(file)
    assert found.origins["train.clip"] == "GENCTL_TRAIN_CLIP"
    assert found.origins["train.beta1"] == "sets"
    assert found.origins["train.final_lr"] == "options"
    assert found.origins["seed"] == "default"


def test_the_first_preset_is_the_default_one() -> None:
    assert (resolve().preset, resolve().train.lr, resolve().model.width) == ("default", 2e-3, 24)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"sets": ["widht=3"]}, r"'widht' \(from sets\); did you mean .*'width'"),
        ({"sets": ["learning_rate=3"]}, r"unknown key 'learning_rate' .*did you mean 'lr'"),
        ({"sets": ["xyzzy=3"]}, r"unknown key 'xyzzy' .*; none of the \d+ is spelt like it"),
        ({"sets": ["train.lrr=3"]}, r"unknown key 'train.lrr' .*; did you mean .*'train.lr'"),
        ({"sets": ["lr=abc"]}, r"lr=\"abc\" \(from sets\): input should be a valid number"),
        ({"sets": ["lr=inf"]}, r"lr=inf \(from sets\): input should be a finite number"),
        ({"sets": ["beta1=1"]}, r"beta1=1 \(from sets\): input should be less than 1"),
        ({"sets": ["beta2=1.0"]}, r"beta2=1.0 \(from sets\): input should be less than 1"),
        ({"sets": ["batch_size=1000000000000"]}, r"should be less than or equal to 16777216"),
        ({"sets": ["width=3"]}, r"width=3 \(from sets\): .*greater than or equal to 4"),
        ({"sets": ["width=4.5"]}, r"width=4\.5 .*valid integer"),
        (
            {"sets": ["kind=cnn"]},
            r"kind=\"cnn\" .*did you mean 'conv'\? choices are conv, mlp",
        ),
        ({"sets": ["width"]}, r"sets=\"width\" is not KEY=VALUE"),
        ({"sets": ["seed=-1"]}, r"seed=-1 is not a whole number"),
        ({"preset": "smal"}, r"unknown preset 'smal'; did you mean 'small'"),
        ({"environ": {"GENCTL_TRAIN_LRR": "1"}}, r"'train.lrr' \(from GENCTL_TRAIN_LRR\)"),
        ({"environ": {"GENCTL_TRAIN_LR": "x"}}, r"\(from GENCTL_TRAIN_LR\)"),
        ({"file": Path("absent.toml")}, r"no config file at absent\.toml"),
    ],
)
def test_bad_input_is_one_clear_line(layers: dict[str, object], message: str) -> None:
    with pytest.raises(GenctlError, match=message) as refused:
        resolve(**layers)
    assert refused.value.code == ExitStatus.USAGE
    assert "\n" not in refused.value.message


def test_files_that_do_not_parse_or_belong_elsewhere(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.toml", tmp_path / "other.json"
    broken.write_text("lr = ")
    other.write_text('{"family": "lm"}')
    with pytest.raises(GenctlError, match="does not parse"):
        resolve(file=broken)
    with pytest.raises(GenctlError, match="a configuration of 'lm', not of 'toy'"):
        resolve(file=other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nlr = 1", r"unknown section 'trian' \(from .*c\.toml\); did you mean 'train'\?"),
        (
            "[train]\nlrr = 1",
            r"'train.lrr' \(from .*c\.toml\); did you mean .*'train.lr'",
        ),
        ("preset = 'smal'", r"unknown preset 'smal' \(from .*c\.toml\); did you mean 'small'\?"),
    ],
)
def test_a_name_that_is_wrong_in_a_file(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(GenctlError, match=message):
        resolve(file=file)


def test_a_file_is_utf8_or_what_editors_of_windows_write(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        for name, text in (("设置.toml", "# 注释\r\nlr = 0.5"), ("设置.json", '{"lr": 0.5}')):
            (tmp_path / name).write_bytes(text.encode(encoding))
            assert resolve(file=tmp_path / name).train.lr == 0.5
    (tmp_path / "设置.toml").write_bytes("# 注释".encode("gbk"))
    with pytest.raises(
        GenctlError, match=r"设置\.toml: it is not UTF-8, as byte 4 is not the start"
    ):
        resolve(file=tmp_path / "设置.toml")


@pytest.mark.parametrize("value", ["3", "0", "['small']", "{ small = 1 }", "true"])
def test_a_file_s_preset_is_a_name(value: str, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"preset = {value}")
    with pytest.raises(GenctlError, match=r"c\.toml: preset = .* is not a name") as refused:
        resolve(file=file)
    assert (refused.value.code, refused.value.hint) == (ExitStatus.USAGE, 'preset = "default"')


def test_a_preset_that_is_asked_for_wins_over_the_file_s(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('preset = "small"')
    assert resolve(file=file, preset="default").preset == "default"


def test_a_run_s_configuration_can_be_used_again(tmp_path: Path) -> None:
    first = resolve(sets=["width=32", "source=图片", "teacher=runs/a", "seed=7"])
    file = tmp_path / "config.json"
    file.write_text(json.dumps(first.to_json(), ensure_ascii=False), "utf-8")
    assert resolve(file=file).to_json() == first.to_json()
    assert config.from_json(SPEC, first.to_json()).to_json() == first.to_json()


@given(st.integers(4, 10**6), st.floats(1e-9, 1e3), st.sampled_from(["conv", "mlp"]), st.booleans())
def test_what_is_set_is_what_is_got(width: int, lr: float, kind: str, flip: bool) -> None:
    found = resolve(
        sets=[f"width={width}", f"lr={lr!r}", f"kind={kind}", f"flip={str(flip).lower()}"]
    )
    assert (found.model.width, found.train.lr, found.model.kind, found.data.flip) == (
        width, lr, kind, flip,
    )  # fmt: skip


@given(st.text(max_size=10))
def test_any_text_can_be_a_source(text: str) -> None:
    value = config.parse_value(text)
    assert resolve(flags={"data.source": text}).data.source == text
    assert value is not None


@pytest.mark.parametrize("text", ["2024_01", "0x10", "1e3", "true", "2024-01-01", "a = 1"])
def test_text_that_looks_like_another_value_stays_where_text_is_expected(text: str) -> None:
    assert resolve(sets=[f"data.source={text}"]).data.source == text
    assert resolve(environ={"GENCTL_DATA_SOURCE": text}).data.source == text
    assert resolve(sets=[f"teacher={text}"]).parents == {"teacher": text}
    assert resolve(sets=[f"data.source={json.dumps(text)}"]).data.source == text


def test_variables_of_another_kind_of_data_change_nothing() -> None:
    lm = registry.get("lm")
    environ = {"GENCTL_DATA_CONTEXT": "64", "GENCTL_DATA_SIZE": "0x10"}
    assert config.resolve(lm, environ=environ).data.context == 64
    assert resolve(environ=environ).data.size == "0x10"
    with pytest.raises(GenctlError, match=r"'data.contxt' \(from GENCTL_DATA_CONTXT\)"):
        resolve(environ={"GENCTL_DATA_CONTXT": "64"})


@pytest.mark.parametrize("key", ["size", "data.size"])
def test_a_preset_may_name_keys_that_only_its_own_kind_of_data_has(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dataclasses.replace(DATA_KINDS.get("images"), name="blank", config=Blank)
    monkeypatch.setattr(DATA_KINDS, "all", lambda: [DATA_KINDS.get("images"), other])
    known = DATA_KINDS.get
    monkeypatch.setattr(DATA_KINDS, "get", lambda name: other if name == "blank" else known(name))
    spec = dataclasses.replace(SPEC, presets={"sized": {key: "8", "width": 8}})
    assert config.resolve(spec, environ={}).data.size == "8"
    found = config.resolve(spec, environ={}, sets=["data.kind=blank"])
    assert (found.kind, found.model.width, found.data) == ("blank", 8, Blank())


def test_options_list_every_key_with_the_default_preset_s_values() -> None:
    found = {option.key: option for option in config.options(SPEC)}
    assert found["model.width"].default == 24
    assert found["model.width"].type == "int >= 4"
    assert found["model.kind"].type == "conv|mlp"
    assert found["parents.teacher"].help == "a run"
    assert all(option.help for option in found.values())
    assert set(found) == set(resolve().origins)


def test_requests_of_a_family() -> None:
    assert config.request_from(SPEC, {"steps": "7"}) == Request(7)
    with pytest.raises(GenctlError, match="unknown option 'stpes'; did you mean 'steps'"):
        config.request_from(SPEC, {"stpes": "7"})
    with pytest.raises(GenctlError, match="greater than or equal to 1"):
        config.request_from(SPEC, {"steps": "0"})
    with pytest.raises(GenctlError, match="unknown option"):
        config.request_from(registry.get("gan"), {"steps": "7"})


def test_a_run_says_what_its_samples_are_made_with_unless_the_request_does() -> None:
    found = resolve(sets=["sample.steps=9"])
    assert found.sample == Request(9)
    assert config.request_from(SPEC, {}, found.sample) == Request(9)
    assert config.request_from(SPEC, {"steps": "7"}, found.sample) == Request(7)
    assert config.from_json(SPEC, json.loads(json.dumps(found.to_json()))).sample == Request(9)
    assert [o.default for o in config.request_options(SPEC, found.sample)] == [9]
    assert [o.default for o in config.request_options(SPEC)] == [18]
    with pytest.raises(GenctlError, match=r"steps=0 \(from sets\)"):
        resolve(sets=["sample.steps=0"])


def test_a_run_of_before_samples_had_defaults_still_opens() -> None:
    older = {k: v for k, v in resolve().to_json().items() if k != "sample"}
    assert config.from_json(SPEC, older).sample == Request()


@pytest.mark.parametrize("family", [spec.name for spec in registry.specs()])
def test_any_value_of_any_key_is_taken_or_refused_in_one_line(family: str) -> None:
    spec = registry.get(family)
    values: tuple[Any, ...] = (
        None,
        True,
        -1,
        0,
        3,
        10**30,
        0.5,
        -1e400,
        "",
        "x",
        "a\nb",
        [],
        [1],
        {},
        {"a": 1},
    )
    refusals = {
        (info.key, repr(value)): error
        for info in config.options(spec)
        for value in values
        if (error := refusal(spec, {info.key: value}))
    }
    assert len(refusals) > 100
    for (key, value), error in refusals.items():
        assert error.code == ExitStatus.USAGE, value
        assert error.option == key
        assert f"{key.rpartition('.')[2]}=" in error.message
        assert "\n" not in error.message


def refusal(spec: Spec, values: dict[str, object]) -> GenctlError | None:
    try:
        config.resolve(spec, environ={}, flags=values)
    except GenctlError as error:
        return error
    return None
