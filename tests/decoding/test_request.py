from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from genctl import config
from genctl.decoding.request import TextRequest
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import Spec


@dataclass(frozen=True)
class Nothing:
    """The options of a family that has none."""


SPEC = Spec(
    api=2,
    name="poet",
    summary="writes",
    config=Nothing,
    targets={},
    reads={"tokens": "tokens"},
    makes="tokens",
    data="text",
    request=TextRequest,
)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("top_p", "2", "top_p=2: input should be less than or equal to 1"),
        ("top_p", "0", "greater than 0"),
        ("temperature", "-1", "temperature=-1"),
        ("temperature", "nan", "temperature=nan"),
        ("temperature", "inf", "temperature=inf"),
        ("presence_penalty", "nan", "presence_penalty=nan"),
        ("repetition_penalty", "0", "repetition_penalty=0"),
        ("top_k", "-1", "top_k=-1"),
        ("top_k", "1.5", "top_k=1.5"),
        ("min_p", "1.1", "min_p=1.1"),
        ("max_new_tokens", "0", "max_new_tokens=0"),
        ("overflow", "rotate", "'slide' or 'stop'"),
        ("stop", "[1]", "valid string"),
        ("steps", "18", "unknown option 'steps'"),
        ("temprature", "1", "did you mean 'temperature'?"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line(option: str, text: str, message: str) -> None:
    with pytest.raises(GenctlError) as refused:
        config.request_from(SPEC, {option: text})
    assert refused.value.code == ExitStatus.USAGE
    assert message in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("", ()),
        (r"\n\n", ("\n\n",)),
        (r"a\tb\\n", ("a\tb\\n",)),
        (r"\q\ ", (r"\q\ ",)),
        ("。", ("。",)),
        ("42", ("42",)),
        ("1e3", ("1e3",)),
        ("true", ("true",)),
        ("User:", ("User:",)),
        (r'["\n\n", "用户：", ""]', ("\n\n", "用户：")),
        (r"['\n\n', 'User:']", ("\n\n", "User:")),
    ],
)
def test_stops_as_they_are_typed(text: str, stops: tuple[str, ...]) -> None:
    assert config.request_from(SPEC, {"stop": text}).stops == stops


def test_every_option_has_a_type_and_a_help() -> None:
    shown = {option.key: option for option in config.request_options(SPEC)}
    assert shown["top_p"].type == "float > 0 <= 1"
    assert shown["stop"].type == "str"
    assert all(option.help for option in shown.values())


def test_it_is_known_before_anything_heavy_is_imported() -> None:
    code = (
        "import sys, genctl.decoding.request;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'pydantic', 'tokenizers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
