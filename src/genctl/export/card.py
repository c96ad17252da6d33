"""The model card in Markdown: what a model is, how it was trained, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genctl.contracts import DataSpec
from genctl.errors import escaped
from genctl.registry import OutputKind

_SHOWN_CLASSES = 20

_USE_FILES = """\
```sh
genctl sample . --n 64 --out samples{suffix}
```

```python
import genctl

samples = genctl.load(".").{call}
```"""

_USE_SHOWN = """\
```sh
genctl sample . --n 3
```

```python
import genctl

print(genctl.load(".").{call})
```"""

_USE_TRANSFORMERS = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
model = AutoModelForCausalLM.from_pretrained(".")
prompt = tokenizer("The ", return_tensors="pt")
written = model.generate(**prompt, do_sample=True, max_new_tokens=100)
print(tokenizer.decode(written[0]))
```"""

_HUB = """\
---
library_name: {library}
pipeline_tag: {task}
tags:
- genctl
---

"""

_REPRODUCIBILITY = """\
- On the same machine with the same threads and versions, and a budget in examples or steps, the
  command reproduces the weights bit for bit, even if it is killed and resumed.
- With other micro-batches or ranks it reproduces them to a tolerance.
- On another machine, or with a budget in minutes, it trains a model of equal quality on average."""


@dataclass(frozen=True)
class Setting:
    """A value that is not the default, and where it was set."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class TrainingScore:
    """A score that training computed at several checkpoints to choose the best.

    Attributes:
        name: the name of the score.
        best: its value at the chosen checkpoint.
        step: the step of that checkpoint.
        count: the number of scored checkpoints.
        meaning: what was measured, and on which data; may be empty.
    """

    name: str
    best: float
    step: int
    count: int
    meaning: str = ""


@dataclass(frozen=True)
class Card:
    """The facts of a model card.

    Attributes:
        name: the name of the run.
        family: the registered name of the family.
        summary: one line on the family.
        version: the version of genctl.
        data: the training data.
        weights: a sentence on these weights: which ones, and of which step.
        sizes: module -> its number of parameters and buffers.
        command: the command that trains the same model again.
        output: the kind of its samples; None if it does not generate samples.
        licence: the licence of the data; empty if unknown.
        settings: the settings that differ from the defaults.
        training: facts of the training, one line each.
        score: the score that training computed, or None.
    """

    name: str
    family: str
    summary: str
    version: str
    data: DataSpec
    weights: str
    sizes: Mapping[str, int]
    command: str
    output: OutputKind | None = None
    licence: str = ""
    settings: Sequence[Setting] = ()
    training: Sequence[str] = ()
    score: TrainingScore | None = None


def render(card: Card) -> str:
    """The text of README.md."""
    paragraphs = [
        f"# {card.name}",
        f"A `{card.family}` model ({card.summary}), trained on {card.data.name} with genctl "
        f"{card.version}.",
        "## Use",
        *_use(card),
        "## Data",
        *_data(card),
        "## Training",
        *_training(card),
        "## Reproducibility",
        _REPRODUCIBILITY,
        "## Limits",
        *_limits(card),
    ]
    return "\n\n".join(paragraphs) + "\n"


def for_transformers(text: str) -> str:
    """The card ``text`` of a text model, changed for an export to Hugging Face's format.

    Its section on use is about transformers instead of genctl, and it begins with the metadata of
    the Hub.
    """
    calls = ("write(3)", "sample(3, seed=0)")  # present cards, and cards from before 0.2
    own = [_USE_SHOWN.format(call=call) for call in calls]
    return _for_library(text, "transformers", "text-generation", own, _USE_TRANSFORMERS)


def for_diffusers(text: str, use: str) -> str:
    """The card ``text`` of an image model, changed for an export to diffusers' format.

    It begins with the metadata of the Hub, as `for_transformers` does.

    Args:
        use: the text that replaces the section on use by genctl.
    """
    calls = ("sample(64)", "sample(64, seed=0)")  # present cards, and cards from before 0.2
    own = [_USE_FILES.format(suffix=".png", call=call) for call in calls]
    if any(part in text for part in own):
        text = text.replace("`model.safetensors` holds", "`unet/` holds")
    return _for_library(text, "diffusers", "unconditional-image-generation", own, use)


def _for_library(text: str, library: str, task: str, own: Sequence[str], use: str) -> str:
    """A card with the metadata of the Hub and ``use`` in place of any part of ``own``.

    A card that somebody has rewritten has none of these parts: ``use`` is appended to it, and
    metadata of its own stays.
    """
    found = [part for part in own if part in text]
    for part in found:
        text = text.replace(part, use)
    if not found:
        text = f"{text.rstrip()}\n\n## With {library}\n\n{use}\n"
    return text if text.startswith("---\n") else _HUB.format(library=library, task=task) + text


def count_of(data: DataSpec) -> str:
    """The number of units of the data, in words: ``7,934 images``, ``338,025 tokens``."""
    return data.in_words(data.examples).partition(" in windows")[0].partition(" of shape")[0]


def _use(card: Card) -> list[str]:
    sizes = ", ".join(f"{role} {size:,}" for role, size in card.sizes.items())
    paragraphs = [card.weights, f"Parameters and buffers: {sizes}."]
    if card.output is not None and "generate" in card.output.targets:
        method, suffix = card.output.method, card.output.suffixes[0]
        if card.output.shown:
            use = _USE_SHOWN.format(call=f"{method}(3)")
        else:
            use = _USE_FILES.format(call=f"{method}(64)", suffix=suffix)
        paragraphs += ["In this folder:", use]
    return paragraphs


def _data(card: Card) -> list[str]:
    data = card.data
    facts = [f"- {data.in_words(data.examples)}, from `{data.name}`"]
    if data.main.size:
        facts.append(f"- {data.main.size:,} different {data.main.kind}")
    if data.class_names:
        names = ", ".join(data.class_names[:_SHOWN_CLASSES])
        more = ", ..." if data.num_classes > _SHOWN_CLASSES else ""
        facts.append(f"- {data.num_classes} classes: {escaped(names)}{more}")
    facts.append(f"- sha256 of the content: `{data.fingerprint}`")
    facts.append(f"- Licence: {card.licence or 'unknown; see the source of the data'}")
    return ["\n".join(facts)]


def _training(card: Card) -> list[str]:
    facts = [f"```sh\n{card.command}\n```", "\n".join(f"- {fact}" for fact in card.training)]
    if card.score is not None:
        facts.append(_score(card.score))
    if card.settings:
        facts += ["Settings that differ from the defaults of genctl:", _table(card.settings)]
    return [fact for fact in facts if fact]


def _score(score: TrainingScore) -> str:
    meaning = f": {score.meaning}" if score.meaning else ""
    return (
        f"`{score.name}` {score.best:.4g} at step {score.step}, the best of {score.count} scored "
        f"checkpoints{meaning}. This score chose the checkpoint, so it is too optimistic. "
        "`genctl eval` computes an independent score with an error bar."
    )


def _table(settings: Sequence[Setting]) -> str:
    rows = [
        "| setting | value | set by |",
        "| --- | --- | --- |",
        *(f"| `{s.key}` | `{_cell(s.value)}` | {_cell(s.origin)} |" for s in settings),
    ]
    return "\n".join(rows)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|")


def _limits(card: Card) -> list[str]:
    data = card.data
    seen = data.in_words(data.examples)
    return [
        f"- The model was trained only on {seen}, so it inherits the gaps and biases of this "
        "data.\n"
        "- It was not tested whether the model repeats training examples."
    ]
