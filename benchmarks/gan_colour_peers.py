"""The peers of ``gan_colour.py``, each in a process of its own: emoji in, sampled pictures out.

    python benchmarks/gan_colour_peers.py dcgan --minutes 15 --out dcgan.npz

- ``dcgan``: Radford et al. 2015 (arXiv 1511.06434) as it is usually written: strided convolutions,
  batch norms in both networks, binary cross-entropy, Adam 2e-4 with a first moment of 0.5.
- ``lightweight-gan``: the package, with its recipe for small sets. It insists on CUDA, so what it
  asks of CUDA is turned into the CPU before it is run. At its own 512 channels a step takes half a
  minute of a core, so it gets about as many channels as the contenders have.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
import types
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from genctl.compat.torchvision import import_torchvision
from genctl.data.images.sets.emoji import load_emoji

SIDE, Z_DIM = 64, 100
Pixels = npt.NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--width", type=int, default=32, help="dcgan: channels of the finest map")
    parser.add_argument("--bf16", action="store_true", help="dcgan: compute in bfloat16")
    parser.add_argument("--fmap-max", type=int, default=96, help="lightweight-gan: most channels")
    parser.add_argument("--fmap-inverse-coef", type=int, default=10, help="log2 of channels x side")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    images = load_emoji("train")[0]
    made, seen = PEERS[options.peer](images, options)
    np.savez(options.out, arr_0=made, seen=seen)


def dcgan(images: Pixels, options: argparse.Namespace) -> tuple[Pixels, int]:
    """Samples, and how many images training saw."""
    real = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    generator, discriminator = _dcgan_generator(options.width), _dcgan_critic(options.width)
    for module in (*generator.modules(), *discriminator.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, 0.02)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.02)
    moving, judging = (
        torch.optim.Adam(n.parameters(), options.lr, (0.5, 0.999))
        for n in (generator, discriminator)
    )
    end, seen = time.monotonic() + 60 * options.minutes, 0
    while time.monotonic() < end:
        batch = real[torch.randint(len(real), (options.batch_size,))]
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            fake = generator(torch.randn(len(batch), Z_DIM, 1, 1))
            judged = _bce(discriminator(batch), 1) + _bce(discriminator(fake.detach()), 0)
        judging.zero_grad()
        judged.backward()
        judging.step()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            fooled = _bce(discriminator(fake), 1)
        moving.zero_grad()
        fooled.backward()
        moving.step()
        seen += len(batch)
    with torch.no_grad():  # in training mode, as the batch norms' running means are known to lag
        parts = [generator(torch.randn(64, Z_DIM, 1, 1)) for _ in range(len(images) // 64 + 1)]
    return _pixels(torch.cat(parts)[: len(images)]), seen


def _dcgan_generator(width: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels = [Z_DIM, 8 * width, 4 * width, 2 * width, width]
    for number, (before, after) in enumerate(pairwise(channels)):
        stride, padding = (1, 0) if number == 0 else (2, 1)
        layers += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def _dcgan_critic(width: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for scale in (1, 2, 4):
        layers += [nn.Conv2d(scale * width, 2 * scale * width, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(2 * scale * width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 0, bias=False), nn.Flatten(0))


def _bce(logits: Tensor, target: int) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(target)))


def lightweight(images: Pixels, options: argparse.Namespace) -> tuple[Pixels, int]:
    """Samples of its averaged generator, and how many images training saw."""
    package = _on_the_cpu()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(Path(folder) / "images" / f"{number}.png")
        trainer = package.Trainer(
            name="emoji", base_dir=folder, results_dir=f"{folder}/results",
            models_dir=f"{folder}/models", image_size=SIDE, batch_size=options.batch_size,
            lr=options.lr, num_workers=0, use_aim=False, save_every=10**9, evaluate_every=10**9,
            aug_types=["translation", "cutout", "color"], attn_res_layers=[32],
            fmap_max=options.fmap_max, fmap_inverse_coef=options.fmap_inverse_coef,
        )  # fmt: skip
        trainer.set_data_src(f"{folder}/images")
        end, steps = time.monotonic() + 60 * options.minutes, 0
        while time.monotonic() < end:
            trainer.train()
            steps += 1
        trainer.GAN.eval()
        with torch.no_grad():
            parts = [
                trainer.GAN.GE(torch.randn(32, trainer.GAN.latent_dim)).clamp(0, 1)
                for _ in range(len(images) // 32 + 1)
            ]
    return _pixels(torch.cat(parts)[: len(images)] * 2 - 1), steps * options.batch_size


def _on_the_cpu() -> types.ModuleType:
    """The module of the package, with the CPU where it says CUDA."""
    import_torchvision()
    found = importlib.util.find_spec("lightweight_gan")
    if found is None or not found.submodule_search_locations:
        sys.exit("pip install lightweight-gan")
    source = (Path(found.submodule_search_locations[0]) / "lightweight_gan.py").read_text("utf-8")
    for cuda, cpu in (
        ("assert torch.cuda.is_available()", "assert True"),
        (".cuda(self.rank)", ".cpu()"),
        ("self.cuda(rank)", "self.cpu()"),
        ("f'cuda:{self.rank}'", "'cpu'"),
        ("GradScaler(enabled", "GradScaler('cpu', enabled"),
        ("from lightweight_gan.version import __version__", "__version__ = ''"),
    ):
        source = source.replace(cuda, cpu)
    module = types.ModuleType("lightweight_gan_on_the_cpu")
    # The package's own __init__ imports the module that refuses to be imported.
    sys.modules["lightweight_gan"] = types.ModuleType("lightweight_gan")
    sys.modules["lightweight_gan"].__path__ = list(found.submodule_search_locations)
    exec(compile(source, "lightweight_gan.py", "exec"), module.__dict__)
    return module


def _pixels(images: Tensor) -> Pixels:
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


PEERS: dict[str, Callable[[Pixels, argparse.Namespace], tuple[Pixels, int]]] = {
    "dcgan": dcgan,
    "lightweight-gan": lightweight,
}

if __name__ == "__main__":
    main()
