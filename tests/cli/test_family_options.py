"""A family's options never hide those of the verb."""

from __future__ import annotations

from genctl.cli.family_options import FamilyOptions, _declare
from genctl.config import OptionInfo


def names(*infos: OptionInfo) -> dict[str, list[str]]:
    declared = _declare(FamilyOptions(panels={"Options": infos}), taken={"--threads", "--set"})
    return {key: [*p.opts, *p.secondary_opts] for key, p in declared.items()}


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
    infos = [
        OptionInfo("model.a", "float", 20000.0, ""),
        OptionInfo("model.b", "str", "", ""),
        OptionInfo("model.c", "str", None, ""),
        OptionInfo("model.d", "bool", True, ""),
    ]
    declared = _declare(FamilyOptions(panels={"Options": infos}), taken=set())
    assert [p.default for p in declared.values()] == ["20000", None, None, True]


def test_no_options_declare_nothing() -> None:
    assert names() == {}
