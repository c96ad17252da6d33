from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from genctl.cli.errors import CommandLine
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.extractors.inception.extractor import InceptionExtractor
from genctl.evaluation.extractors.inception.reader import load_network
from genctl.weights import sha256_of

Tensors = Mapping[str, Tensor]
# pytorch-fid's module counts its pools among the layers, at the end of a block.
NUMBERED = {
    "Conv2d_1a_3x3": "blocks.0.0", "Conv2d_2a_3x3": "blocks.0.1", "Conv2d_2b_3x3": "blocks.0.2",
    "Conv2d_3b_1x1": "blocks.1.0", "Conv2d_4a_3x3": "blocks.1.1",
    "Mixed_5b": "blocks.2.0", "Mixed_5c": "blocks.2.1", "Mixed_5d": "blocks.2.2",
    "Mixed_6a": "blocks.2.3", "Mixed_6b": "blocks.2.4", "Mixed_6c": "blocks.2.5",
    "Mixed_6d": "blocks.2.6", "Mixed_6e": "blocks.2.7",
    "Mixed_7a": "blocks.3.0", "Mixed_7b": "blocks.3.1", "Mixed_7c": "blocks.3.2",
}  # fmt: skip


def as_pytorch_fid(tensors: Tensors) -> Tensors:
    layers = {name: name.partition(".") for name in tensors if not name.startswith("fc.")}
    return {f"{NUMBERED[layer]}.{rest}": tensors[n] for n, (layer, _, rest) in layers.items()}


def same_weights(path: Path, expected: Path) -> bool:
    found, wanted = (dict(load_network(p).trunk.named_parameters()) for p in (path, expected))
    return all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_reads_the_published_layout_with_the_norms_folded(
    weights_file: Path, inception_tensors: Tensors
) -> None:
    network = load_network(weights_file)
    first = network.trunk[0]
    images = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    part = {n.removeprefix("Conv2d_1a_3x3."): t for n, t in inception_tensors.items()}
    convolved = torch.nn.functional.conv2d(images, part["conv.weight"], stride=2)
    normed = torch.nn.functional.batch_norm(
        convolved,
        part["bn.running_mean"],
        part["bn.running_var"],
        part["bn.weight"],
        part["bn.bias"],
        eps=1e-3,
    )
    torch.testing.assert_close(first(images), normed.relu())
    assert network.class_weights is not None
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def wrapped(tensors: Tensors) -> Tensors:
    return {f"module.inception.{name}": tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("layout", [as_pytorch_fid, wrapped])
def test_other_layouts_hold_the_same_network(
    layout: Callable[[Tensors], Tensors],
    weights_file: Path,
    inception_tensors: Tensors,
    tmp_path: Path,
) -> None:
    torch.save(layout(inception_tensors), tmp_path / "w.pt")
    assert same_weights(tmp_path / "w.pt", weights_file)


def test_safetensors(weights_file: Path, inception_tensors: Tensors, tmp_path: Path) -> None:
    path = tmp_path / "inception.safetensors"
    save_file(dict(inception_tensors), path)
    assert same_weights(path, weights_file)
    extractor = InceptionExtractor(path)
    assert extractor.origin == "custom"
    assert extractor.sha256 == sha256_of(path)


def test_weights_without_a_classifier_have_no_logits(
    inception_tensors: Tensors, tmp_path: Path
) -> None:
    torch.save(as_pytorch_fid(inception_tensors), tmp_path / "w.pth")
    with pytest.raises(GenctlError, match="no classifier") as caught:
        InceptionExtractor(tmp_path / "w.pth").logits(torch.zeros(1, 2048))
    assert caught.value.code is ExitStatus.DATA


class Code:
    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return print, ("code from a weight file has run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a weight file", "is not a PyTorch file of tensors"),
        (Code(), "is not a PyTorch file of tensors"),
        ([1, 2], "holds a list, not named tensors"),
        ({}, "it lacks Conv2d_1a_3x3.conv.weight"),
        (
            {"Conv2d_1a_3x3.conv.weight": torch.zeros(8, 3, 3, 3)},
            r"Conv2d_1a_3x3.conv.weight is \(8, 3, 3, 3\) instead of \(32, 3, 3, 3\)",
        ),
    ],
)
def test_other_files_are_refused_in_one_line(
    content: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(GenctlError, match=message) as caught:
        load_network(path)
    assert caught.value.code is ExitStatus.DATA
    assert "\n" not in caught.value.message
    assert capsys.readouterr().out == ""


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(GenctlError, match=r"no such weights file: .*w\.pth"):
        load_network(tmp_path / "w.pth")


def test_weights_of_a_model_are_another_option() -> None:
    with pytest.raises(GenctlError, match="no such weights file: ema") as caught:
        load_network(Path("ema"))
    said = [caught.value.message, caught.value.rendered(CommandLine(["eval", "fid"]))[0]]
    assert said == [
        'no such weights file: ema (did you mean weights="ema"?)',
        "no such weights file: ema (did you mean --weights ema?)",
    ]
