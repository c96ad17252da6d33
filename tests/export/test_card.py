from __future__ import annotations

import dataclasses

from genctl.export.card import Card, Setting, TrainingScore, for_diffusers, for_transformers, render
from genctl.registry import OUTPUT_KINDS
from tests.export.models import data_spec
from tests.specs import token_spec

CARD = Card(
    name="gan-照片-1",
    family="gan",
    summary="images in one step",
    version="0.1.0",
    data=data_spec(),
    weights="`model.safetensors` holds the `ema` weights of step 2.",
    sizes={"generator": 1234567},
    command="genctl train gan --data 照片",
    output=OUTPUT_KINDS.get("images"),
)


ARRAYS = dataclasses.replace(OUTPUT_KINDS.get("images"), suffixes=(".npz",))


def test_the_least_that_a_card_says() -> None:
    text = render(CARD)
    assert text.startswith("# gan-照片-1\n\nA `gan` model (images in one step)")
    assert "generator 1,234,567" in text
    assert "```sh\ngenctl sample . --n 64 --out samples.png\n```" in text
    assert "```sh\ngenctl train gan --data 照片\n```" in text
    assert "- 100 images of shape 1x16x16, from `照片`\n- 2 classes: 猫, dog\n" in text
    assert "Licence: unknown; see the source of the data" in text
    assert "\n\n\n" not in text
    assert text.endswith(".\n")


def test_only_images_are_drawn() -> None:
    assert "--out samples.npz" in render(dataclasses.replace(CARD, output=ARRAYS))
    assert "genctl sample" not in render(dataclasses.replace(CARD, output=None))


TEXT = dataclasses.replace(
    CARD,
    family="lm",
    output=OUTPUT_KINDS.get("text"),
    data=token_spec("诗.txt", "诗", 256, 1000, vocab_size=4096),
)


def test_a_model_of_text_is_counted_in_tokens() -> None:
    text = render(TEXT)
    assert "```sh\ngenctl sample . --n 3\n```" in text
    assert "- 256,000 tokens in windows of 256, from `诗`\n- 4,096 different tokens\n" in text
    assert "The model was trained only on 256,000 tokens in windows of 256, so" in text


def test_beside_transformers_the_card_is_about_transformers() -> None:
    text = for_transformers(render(TEXT))
    assert text.startswith("---\nlibrary_name: transformers\n")
    assert "---\n\n# gan-照片-1\n" in text
    assert "AutoModelForCausalLM.from_pretrained" in text
    assert "genctl sample" not in text
    assert "```sh\ngenctl train gan --data 照片\n```" in text
    edited = for_transformers("# 我的模型\n")
    assert "---\n\n# 我的模型\n\n## With transformers\n\n```python\n" in edited
    assert edited.startswith("---\nlibrary_name: transformers\n")
    assert for_transformers("---\nlicense: mit\n---\n").startswith("---\nlicense: mit\n---\n")


def test_beside_diffusers_the_card_is_about_diffusers() -> None:
    text = for_diffusers(render(CARD), "Like this.")
    assert text.startswith("---\nlibrary_name: diffusers\n")
    assert "`unet/` holds the `ema` weights of step 2." in text
    assert "In this folder:\n\nLike this.\n\n## Data" in text
    assert "genctl sample" not in text
    edited = for_diffusers("# 我的模型\n", "Like this.")
    assert edited.endswith("---\n\n# 我的模型\n\n## With diffusers\n\nLike this.\n")


def test_many_classes_are_cut_short() -> None:
    data = data_spec(classes=tuple(f"c{k}" for k in range(30)))
    text = render(dataclasses.replace(CARD, data=data))
    assert "- 30 classes: c0, " in text
    assert "c19, ...\n" in text
    assert "c20" not in text


def test_settings_stay_in_their_cells() -> None:
    settings = [Setting("model.loss", "a|b", "--set")]
    text = render(dataclasses.replace(CARD, settings=settings))
    assert "| `model.loss` | `a\\|b` | --set |" in text


def test_a_score_says_what_it_is_and_that_it_flatters() -> None:
    score = TrainingScore("fd[rand]", 12.3456, 400, 10, "a distance")
    text = render(dataclasses.replace(CARD, score=score))
    assert "`fd[rand]` 12.35 at step 400" in text
    assert "the best of 10 scored checkpoints: a distance. This score chose the checkpoint" in text
