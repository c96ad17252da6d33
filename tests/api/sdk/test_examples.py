"""Every public function and every method of `Model` has an example that works.

The examples are the doctests in their docstrings. Training for each of them would be slow, so the
test gives them these names, besides ``genctl``:

- ``run``: a run of a tiny diffusion model of two classes of images, 8 by 8.
- ``model``: this run, loaded.
- ``writer``: a tiny language model, loaded.

The current folder holds ``photos`` with two images, and ``a.json`` and ``b.json`` with the same
scores. An example can use the names that its own docstring defines, but not those of others.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import genctl
from genctl.api import sdk

AT_ONCE: dict[str, Any] = {"budget": "2steps", "evaluations": 0, "threads": 1}
"""Settings of a training that is over at once."""


def public_functions() -> dict[str, Callable[..., Any]]:
    """What Python users call, by name."""
    homes = [
        importlib.import_module(f"{sdk.__name__}.{m.name}")
        for m in pkgutil.iter_modules(sdk.__path__)
    ]
    found = {name: getattr(genctl, name) for name in genctl.__all__}
    for home in homes:
        found |= {
            k: v for k, v in vars(home).items() if getattr(v, "__module__", "") == home.__name__
        }
    found |= {f"Model.{name}": value for name, value in inspect.getmembers(genctl.Model)}
    return {
        name: value
        for name, value in sorted(found.items())
        if inspect.isfunction(value) and not name.split(".")[-1].startswith("_")
    }


def example_of(
    name: str, function: Callable[..., Any], known: Mapping[str, Any]
) -> doctest.DocTest | None:
    """The examples of one docstring as a test; None where there are none."""
    text = inspect.getdoc(function) or ""
    test = doctest.DocTestParser().get_doctest(text, dict(known), name, None, None)
    return test if test.examples else None


def failures(test: doctest.DocTest) -> str:
    """What doctest says of examples that fail; nothing where all work."""
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=said.append)
    return "".join(said)


def prepare(folder: Path) -> dict[str, Any]:
    """The files and names that the examples use."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), np.uint8)
    (folder / "photos").mkdir()
    for name, image in zip("ab", pixels, strict=False):
        Image.fromarray(image[..., 0]).save(folder / "photos" / f"{name}.png")
    scores = genctl.evaluate("fid", pixels[:16], ref=pixels[16:], extractor="px").to_json()
    for name in ("a.json", "b.json"):
        (folder / name).write_text(json.dumps(scores), "utf-8")
    network: dict[str, Any] = {"width": 4, "multiples": "1", "attention": ""}
    images = (pixels, np.arange(32) % 2)
    run = genctl.train("diffusion", data=images, batch_size=8, **network, **AT_ONCE)
    decoder: dict[str, Any] = {
        "width": 8,
        "depth": 1,
        "heads": 1,
        "context": 16,
        "tokenizer": "byte",
    }
    texts = ["The quick brown fox. " * 20] * 20
    written = genctl.train("lm", data=texts, **decoder, **AT_ONCE)
    loaded = {"model": genctl.load(run), "writer": genctl.load(written)}
    return {"genctl": genctl, "run": run, **loaded}


def test_every_public_function_has_an_example() -> None:
    functions = public_functions()
    assert {"train", "metrics", "Model.write", "Model.sampler"} <= set(functions)
    missing = [name for name, function in functions.items() if not example_of(name, function, {})]
    assert missing == [], "write a short doctest (>>>) in the docstring of each of these"


def test_every_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that the examples share (``run``, ``model``, ``writer``) come from `prepare`."""
    monkeypatch.chdir(tmp_path)
    known = prepare(tmp_path)
    tests = [example_of(name, function, known) for name, function in public_functions().items()]
    wrong = "\n".join(filter(None, (failures(test) for test in tests if test)))
    assert not wrong, wrong


def bare() -> int:
    """Nothing to run."""
    return 1


def wrong() -> int:
    """An example that is wrong.

    >>> 1 + one
    3
    """
    return 3


def test_the_checks_can_fail() -> None:
    assert example_of("bare", bare, {}) is None
    for known, words in ({"one": 1}, "Expected:\n    3\nGot:\n    2"), ({}, "NameError"):
        test = example_of("wrong", wrong, known)
        assert test is not None
        assert words in failures(test)
    right = example_of("wrong", wrong, {"one": 2})
    assert right is not None
    assert failures(right) == ""
