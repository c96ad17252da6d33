from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl.errors import ExitStatus, GenctlError


@given(st.text())
def test_whatever_a_file_says_an_error_is_one_line(name: str) -> None:
    error = GenctlError(ExitStatus.DATA, f"no {name}", hint=f"genctl data check {name}")
    for said in (str(error), error.message, error.hint):
        assert len(f"{said}.".splitlines()) == 1
        assert "\x1b" not in said
        said.encode()


@pytest.mark.parametrize("name", ["图 片/猫.png", "naïve – file", "👩‍🔧.webp", "a\\b"])
def test_what_can_be_read_stays_as_it_is(name: str) -> None:
    assert GenctlError(ExitStatus.DATA, name, hint=name).hint == name


def test_line_ends_and_commands_to_the_terminal_show_as_escapes() -> None:
    error = GenctlError(ExitStatus.DATA, "a\nb\x1b[31m\udcff")
    assert error.message == r"a\nb\x1b[31m\udcff"
