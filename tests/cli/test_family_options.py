"""A family's options never hide those of the verb, and are shown as people write them."""

from __future__ import annotations

import pytest

from genctl.cli.family_options import (
    FamilyOptions,
    choices_of,
    declaration,
    default_text,
    family_sections,
)
from genctl.cli.typer_ext import parameters_of
from genctl.config import OptionInfo


def names(*infos: OptionInfo) -> dict[str, list[str]]:
    options = FamilyOptions(panels={"Options": infos})
    chosen = options.names(taken={"--threads", "--set"})
    if not chosen:
        return {}
    declared = parameters_of(declaration(options, chosen))
    return {key: [*p.opts, *p.secondary_opts] for key, p in zip(chosen, declared, strict=True)}


def test_a_leaf_is_an_option_where_it_is_free() -> None:
    assert names(
        OptionInfo("model.z_dim", "int", 64, ""),
        OptionInfo("model.threads", "int", 2, ""),
        OptionInfo("model.size", "int", 1, ""),
        OptionInfo("data.size", "str", "", ""),
        OptionInfo("data.flip", "bool", False, ""),
    ) == {
        "model.z_dim": ["--z-dim"],
        "model.threads": ["--model.threads"],
        "model.size": ["--model.size"],
        "data.size": ["--data.size"],
        "data.flip": ["--flip", "--no-flip"],
    }


def test_defaults_are_shown_as_people_write_them() -> None:
    assert [default_text(value) for value in (20000.0, "", None, 0.002, True, False)] == [
        *("20000", "", "", "0.002", "on", ""),
    ]


def test_no_options_declare_nothing() -> None:
    assert names() == {}


@pytest.mark.parametrize(
    ("kind", "default", "row"),
    [
        ("int >= 4", 24, ("--x N", "text; more [>=4; default: 24]")),
        ("float >= 0 < 1", 0.5, ("--x X", "text; more [>=0, <1; default: 0.5]")),
        ("unet|dit", "unet", ("--x unet|dit", "text; more [default: unet]")),
        (
            "rpgan|nonsaturating|hinge",
            "hinge",
            ("--x NAME", "text; more [rpgan, nonsaturating, hinge; default: hinge]"),
        ),
        ("auto|float > 0", "auto", ("--x auto|X", "text; more [>0; default: auto]")),
        ("str", "", ("--x TEXT", "text; more")),
        ("bool", False, ("--x, --no-x", "text; more")),
    ],
)
def test_types_are_short_and_bounds_stand_in_the_text(
    kind: str, default: object, row: tuple[str, str]
) -> None:
    info = OptionInfo("model.x", kind, default, "text; more")
    options = FamilyOptions(panels={"Options": [info]}, title="Some", common=["model.x"])
    (full,) = family_sections(options, {"model.x": "--x"}, everything=True)
    assert [(name, text.replace("\N{NO-BREAK SPACE}", " ")) for name, text in full.rows] == [row]
    (short,) = family_sections(options, {"model.x": "--x"}, everything=False)
    assert short.rows[0][1].startswith("text")
    assert ";" not in short.rows[0][1]


def test_numbers_are_no_choices() -> None:
    assert choices_of(OptionInfo("model.gamma", "auto|float > 0", "auto", "")) == ["auto"]
    assert choices_of(OptionInfo("model.n", "int >= 1", 1, "")) == []
