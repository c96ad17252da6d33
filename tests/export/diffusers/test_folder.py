from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from genctl import config
from genctl.contracts import Batch, DataSpec, DiffusersPlan, Trained
from genctl.errors import ExitStatus, GenctlError
from genctl.export import packages
from genctl.export.diffusers import folder as diffusers
from genctl.export.diffusers.reading import read_unet
from genctl.families.diffusion.denoiser import Denoiser
from genctl.families.diffusion.exporter import plan_diffusers
from genctl.families.diffusion.networks.unet import UNet
from genctl.families.diffusion.sampler import DiffusionSampler
from genctl.families.diffusion.schedules import ddpm_sigmas
from genctl.families.diffusion.solvers import ddim
from genctl.families.diffusion.spec import SPEC, DiffusionRequest
from tests.export.models import tiny_config
from tests.specs import image_spec

Shape = tuple[int, int, int]
CLASSES = ("猫", "狗", "鸟")
SAMPLER: dict[str, Literal["euler", "dpmpp-2m"]] = {"flow": "euler", "edm": "dpmpp-2m"}
SCHEDULE: dict[str, Literal["flow", "karras"]] = {"flow": "flow", "edm": "karras"}


def data_spec(shape: Shape, classes: tuple[str, ...]) -> DataSpec:
    return image_spec("照片", shape, classes=classes, statistics={"sigma_data": 0.4})


def plan_of(
    prediction: str,
    shape: Shape = (1, 8, 8),
    classes: tuple[str, ...] = CLASSES,
    unshuffle: int = 2,
) -> DiffusersPlan:
    torch.manual_seed(0)
    network = UNet(
        shape,
        len(classes),
        width=8,
        multiples=(1, 2),
        depth=1,
        attention=(False, True),
        unshuffle=unshuffle,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    denoiser = Denoiser(network, prediction, 0.4).eval().requires_grad_(False)
    data = data_spec(shape, classes)
    return plan_diffusers(Trained("diffusion", None, data, {"denoiser": denoiser}))


def document(plan: DiffusersPlan) -> dict[str, Any]:
    return {
        "config": tiny_config().to_json(),
        "data": data_spec(plan.shape, CLASSES).to_json(),
        "weights": "ema",
        "step": 2,
    }


def write(plan: DiffusersPlan, path: Path) -> Any:
    return diffusers.write(plan, path, document(plan), "# 扩散\n")


PLANS = [
    ("flow", (1, 8, 8), CLASSES, 2),
    ("flow", (3, 9, 14), (), 2),
    ("edm", (1, 8, 8), CLASSES, 2),
    ("edm", (2, 8, 6), (), 1),
    ("v", (1, 7, 8), CLASSES, 1),
    ("epsilon", (3, 8, 12), (), 1),
]


def load(path: Path) -> Any:
    """As README.md says."""
    from diffusers import DiffusionPipeline

    kind: Any = DiffusionPipeline
    own = (path / "pipeline.py").exists()
    code = {"custom_pipeline": str(path), "trust_remote_code": True} if own else {}
    pipeline = kind.from_pretrained(path, **code)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("prediction", "shape", "classes", "unshuffle"),
    [plan for plan in PLANS if plan[0] != "epsilon"],
)
def test_its_pipeline_makes_the_images_that_genctl_makes(
    prediction: str,
    shape: Shape,
    classes: tuple[str, ...],
    unshuffle: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path))
    plan = plan_of(prediction, shape, classes, unshuffle)
    path = tmp_path / "扩散模型"
    proof = write(plan, path)
    assert proof.error <= proof.tolerance
    assert proof.runtime.startswith("diffusers")
    wanted: dict[str, Any] = {"labels": torch.arange(10) % 3} if classes else {"batch_size": 10}
    noise = torch.randn(10, *shape, generator=torch.Generator().manual_seed(3))
    pipeline = load(path)
    made = pipeline(**wanted, latents=noise, output_type="pt").images
    expected = sample(plan, noise, steps=20).clamp(-1, 1)
    torch.testing.assert_close(made, expected.float(), rtol=0, atol=1e-4)
    assert expected.std() > 0.05
    if shape[0] != 2:  # Pillow has no pictures of two channels
        drawn = pipeline(**wanted, num_inference_steps=1).images
        assert [picture.size for picture in drawn] == [shape[:0:-1]] * 10


@pytest.mark.oracle
def test_its_pipeline_follows_a_class_as_far_as_guidance_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path))
    write(dataclasses.replace(plan_of("edm"), guidance=1.5), tmp_path / "out")
    pipeline, noise = load(tmp_path / "out"), torch.randn(3, 1, 8, 8)

    def made(label: int, **scale: float) -> Tensor:
        images: Tensor = pipeline(
            [label] * 3, latents=noise, num_inference_steps=1, output_type="pt", **scale
        ).images
        return images

    of_none, of_class = made(len(CLASSES), guidance_scale=1), made(1, guidance_scale=1)
    further = (of_none + 1.5 * (of_class - of_none)).clamp(-1, 1)
    torch.testing.assert_close(made(1), further, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(of_none, of_class, atol=1e-3)


@torch.no_grad()
def sample(plan: DiffusersPlan, noise: Tensor, steps: int) -> Tensor:
    """What genctl makes with the options of docs/diffusion.md, or with DDIM's own levels."""
    label = torch.arange(len(noise)) % plan.num_classes if plan.num_classes else None

    if plan.scheduler != "DDIMScheduler":
        kind = "edm" if plan.scheduler.startswith("EDM") else "flow"
        chosen = config.resolve(SPEC, environ={}, sets=[f"prediction={kind}"])
        classes = CLASSES[: plan.num_classes]
        data, modules = data_spec(plan.shape, classes), {"denoiser": plan.denoiser}
        condition = Batch({} if label is None else {"label": label}, range(len(noise)))
        request = DiffusionRequest(steps=steps, sampler=SAMPLER[kind], schedule=SCHEDULE[kind])
        given: Any = SimpleNamespace(normal=lambda name, *shape: noise)
        return DiffusionSampler(chosen, data, modules, {}).sample(request, condition, given)

    def denoise(x: Tensor, sigma: float) -> Tensor:
        clean: Tensor = plan.denoiser(x.float(), torch.full((len(x),), sigma), label)
        return clean.double()

    times = torch.arange(1000, 0, -1000 // steps) - 1
    sigmas = torch.cat([ddpm_sigmas()[times], torch.zeros(1).double()])
    start = noise.double() * (1 + sigmas[0] ** 2).sqrt()
    return ddim(denoise, start, sigmas, never)


def never(step: int) -> Tensor:
    raise AssertionError("no noise is asked for")


@pytest.mark.oracle
def test_a_stock_pipeline_samples_what_fits_it(tmp_path: Path) -> None:
    plan = plan_of("epsilon", (3, 8, 12), (), 1)
    write(plan, tmp_path / "plain")
    pipeline = load(tmp_path / "plain")
    assert type(pipeline).__name__ == "DDIMPipeline"
    generator = torch.Generator().manual_seed(3)
    made = pipeline(5, generator, num_inference_steps=20, output_type="np").images
    noise = torch.randn(5, 3, 8, 12, generator=torch.Generator().manual_seed(3))
    expected = (sample(plan, noise, steps=20) / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(torch.from_numpy(made), expected.float(), rtol=0, atol=1e-4)
    for name, plan in {
        "classes": plan_of("v", (3, 8, 12), CLASSES, 1),
        "unshuffled": plan_of("v", (3, 8, 12), (), 2),
        "flow": plan_of("flow", (3, 8, 12), (), 1),
    }.items():
        write(plan, tmp_path / name)
        assert (tmp_path / name / "pipeline.py").exists()


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("prediction", "lies", "reason"),
    [
        ("flow", {"time_scale": 0.5}, "scheduler differs"),
        ("edm", {"time_scale": 1.0}, "scheduler differs"),
        ("v", {"scheduler_config": {"prediction_type": "epsilon"}}, "scheduler differs"),
        ("flow", {"unshuffle": 1}, "cannot use it"),
        ("flow", {"unet": {"freq_shift": 1}}, "network differs"),
        ("flow", {"unet": {"add_attention": False}}, "unexpected keys: .*to_q"),
    ],
)
def test_an_export_that_computes_something_else_is_not_kept(
    prediction: str, lies: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    plan, path = plan_of(prediction), tmp_path / "out"
    write(plan, path)
    before = sorted(file.name for file in path.rglob("*"))
    changed: dict[str, Any] = {
        name: {**getattr(plan, name), **value} if isinstance(value, dict) else value
        for name, value in lies.items()
    }
    with pytest.raises(GenctlError, match=reason) as caught:
        write(dataclasses.replace(plan, **changed), path)
    assert caught.value.code == ExitStatus.PROOF_FAILED
    assert sorted(file.name for file in path.rglob("*")) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


@pytest.mark.oracle
def test_weights_that_are_not_finite_are_refuted(tmp_path: Path) -> None:
    plan = plan_of("flow")
    next(plan.network.parameters()).fill_(float("nan"))
    with pytest.raises(GenctlError, match="network differs by inf"):
        write(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.oracle
@pytest.mark.parametrize(("prediction", "shape", "classes", "unshuffle"), PLANS[:4])
def test_an_export_reads_back(
    prediction: str, shape: Shape, classes: tuple[str, ...], unshuffle: int, tmp_path: Path
) -> None:
    plan = plan_of(prediction, shape, classes, unshuffle)
    write(plan, tmp_path / "out")
    assert diffusers.is_export(tmp_path / "out")
    arguments, weights = read_unet(tmp_path / "out")
    network = UNet(**arguments)
    network.load_state_dict(weights)
    x, time = torch.randn(2, *shape), torch.tensor([3.0, 700.0])
    label = torch.tensor([0, 3]) if classes else None
    assert torch.equal(network.eval()(x, time, label), plan.network(x, time, label))


@pytest.mark.oracle
@pytest.mark.parametrize("scales", [False, True])
@pytest.mark.parametrize("num_class_embeds", [None, 4])
def test_a_model_of_somebody_else_is_read(
    num_class_embeds: int | None, scales: bool, tmp_path: Path
) -> None:
    from diffusers import UNet2DModel

    kind: Any = UNet2DModel
    theirs = kind(
        sample_size=16,
        block_out_channels=(16, 16, 32),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        num_class_embeds=num_class_embeds,
        resnet_time_scale_shift="scale_shift" if scales else "default",
        attn_norm_num_groups=8 if scales else None,
    ).eval()
    theirs.save_pretrained(tmp_path / "unet")
    arguments, weights = read_unet(tmp_path)
    network = UNet(**arguments)
    network.load_state_dict(weights)
    x, time = torch.randn(3, 3, 16, 16), torch.tensor([0.0, 50.0, 999.0])
    label = torch.tensor([3, 0, 1]) if num_class_embeds else None
    with torch.no_grad():
        expected = theirs(x, time, class_labels=label).sample
        torch.testing.assert_close(network.eval()(x, time, label), expected, rtol=1e-4, atol=1e-4)
    if num_class_embeds:
        table = weights["class_embedding.weight"]
        assert network.num_classes == 4
        torch.testing.assert_close(table[4], table[:4].mean(0))


KNOWN = {
    "_class_name": "UNet2DModel",
    "sample_size": 8,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "attention_head_dim": 8,
    "norm_num_groups": 4,
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "holds UNet2DConditionModel"),
        ({"_class_name": None}, "no class name"),
        ({"freq_shift": 1}, "freq_shift is 1"),
        ({"time_embedding_type": "fourier"}, "time_embedding_type is 'fourier'"),
        ({"resnet_time_scale_shift": "spatial"}, "resnet_time_scale_shift"),
        ({"resnet_time_scale_shift": "scale_shift"}, "attn_norm_num_groups is None"),
        ({"attn_norm_num_groups": 2}, "attn_norm_num_groups is 2"),
        ({"norm_eps": 1e-6}, "norm_eps"),
        ({"downsample_padding": 0}, "downsample_padding"),
        ({"out_channels": 6}, "other channels"),
        ({"block_out_channels": [8, 12]}, "are not multiples"),
        ({"down_block_types": ["DownBlock2D", "AttnSkipDownBlock2D"]}, "AttnSkipDownBlock2D"),
        ({"up_block_types": ["UpBlock2D", "UpBlock2D"]}, "its blocks are"),
        ({"attention_head_dim": None}, "attention_head_dim"),
        ({"sample_size": None}, "sample_size"),
        ({"block_out_channels": []}, r"config\.json is damaged: block_out_channels: "),
        ({"block_out_channels": [0]}, r"config\.json is damaged: block_out_channels\.0: "),
        ({"block_out_channels": None}, r"config\.json is damaged: block_out_channels: "),
        ({"layers_per_block": "x"}, r"config\.json is damaged: layers_per_block: "),
        ({"sample_size": [8]}, r"config\.json is damaged: sample_size"),
        ({"down_block_types": None}, r"config\.json is damaged: down_block_types: "),
    ],
)
def test_a_network_that_cannot_be_mapped_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**KNOWN, **changes}), "utf-8")
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(
        (2).to_bytes(8, "little") + b"{}"
    )
    with pytest.raises(GenctlError, match=reason) as caught:
        read_unet(tmp_path)
    assert caught.value.code == ExitStatus.DATA


@pytest.mark.parametrize("document", [{}, {"images": None}, {"images": {"shape": [1, 8]}}])
def test_a_damaged_document_of_genctl_is_refused(document: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(KNOWN), "utf-8")
    (tmp_path / "diffusers.json").write_text(json.dumps(document), "utf-8")
    (tmp_path / "diffusion_pytorch_model.safetensors").write_bytes(
        (2).to_bytes(8, "little") + b"{}"
    )
    with pytest.raises(GenctlError, match=r"diffusers\.json is damaged: ") as caught:
        read_unet(tmp_path)
    assert caught.value.code == ExitStatus.DATA


@pytest.mark.parametrize("content", [None, "", "{", "[]", "\x00"])
def test_a_folder_without_a_readable_config_is_a_data_error(
    content: str | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(GenctlError, match=r"config\.json") as caught:
        read_unet(tmp_path)
    assert caught.value.code == ExitStatus.DATA


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(KNOWN))
    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(GenctlError, match=r"no diffusion_pytorch_model\.safetensors") as caught:
        read_unet(tmp_path)
    assert "safe_serialization" in caught.value.hint


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "has", lambda package: False)
    with pytest.raises(GenctlError, match="needs diffusers") as caught:
        write(plan_of("flow"), tmp_path / "out")
    assert caught.value.code == ExitStatus.USAGE
    assert not (tmp_path / "out").exists()


def test_other_folders_are_no_exports(tmp_path: Path) -> None:
    assert not diffusers.is_export(tmp_path)
    (tmp_path / "diffusers.json").write_text("[]")
    assert not diffusers.is_export(tmp_path)
