#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do kindred's backbones give torchvision's and timm's features with the same weights?

    bench/parity_backbones.py [NAME ...] [--kindred build/kindred] [--limit 1e-4]

For each model: random weights and norm statistics (nothing is downloaded) are written with
safetensors, taken in by `kindred import`, and the features of a few images by `kindred embed` are
compared with PyTorch's, f32 on the CPU. Then `kindred export` must open with
load_state_dict(strict=True) and give the same bits back. Needs torch, torchvision, timm,
safetensors and Pillow. Exits 1 when a largest difference is above the limit, which is times the
largest feature where that is above 1.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import safetensors.torch
import timm
import torch
import torchvision
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGES = 6


def resnet(depth, name=None, **options):
    def make():
        net = getattr(torchvision.models, name or f"resnet{depth}")()
        net.fc = torch.nn.Identity()
        return net

    return make, dict(plugin="resnet", depth=depth, **options), 64


def vit(name, size, view=224, **options):
    def make():
        keys = dict(num_classes=0, dynamic_img_size=view != 224)
        if options.get("pool") == "mean":
            keys["global_pool"] = "avg"
        return timm.create_model(name, **keys)

    patch = int(name.split("patch")[1].split("_")[0])
    return make, dict(plugin="vit", size=size, patch=patch, **options), view


MODELS = {
    "resnet18": resnet(18),
    "resnet50": resnet(50),
    "resnet101": resnet(101),
    "wide_resnet50_2": resnet(50, "wide_resnet50_2", wide=2),
    "vit_tiny_16": vit("vit_tiny_patch16_224", "tiny"),
    "vit_small_8": vit("vit_small_patch8_224", "small"),
    "vit_base_16": vit("vit_base_patch16_224", "base"),
    "vit_tiny_16 at 96": vit("vit_tiny_patch16_224", "tiny", view=96, antialias="true"),
    "vit_tiny_16 at 288": vit("vit_tiny_patch16_224", "tiny", view=288, antialias="true"),
    "vit_tiny_16 mean": vit("vit_tiny_patch16_224", "tiny", pool="mean"),
}


def shake(net, images):
    """No parameter stays at a value that would hide a mistake, such as 0. Statistics are those of
    the images, and residual branches weigh a quarter: untrained deep networks are chaotic otherwise,
    and PyTorch's own single precision is 2e-4 from its double."""
    with torch.no_grad():
        for p in net.parameters():
            size = {1: 0.1, 3: 0.02}.get(p.dim(), 0.1 * p.std().item())
            p.add_(torch.randn_like(p) * size)
        for m in net.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.momentum = 1
            if isinstance(m, torchvision.models.resnet.Bottleneck):
                m.bn3.weight.div_(4)
            if isinstance(m, torchvision.models.resnet.BasicBlock):
                m.bn2.weight.div_(4)
        net.train()(images)
        net.eval()


def write_images(folder, size):
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 256, (IMAGES, size, size, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        path = folder / "images" / str(i % 2) / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    order = sorted(range(IMAGES), key=lambda i: (i % 2, i))
    x = torch.tensor(pixels[order]).float() / 255
    return ((x - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2).contiguous()


def call(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")


def compare(kindred, folder, make, backbone, size):
    torch.manual_seed(3)
    net = make()
    images = write_images(folder, size)
    shake(net, images)
    safetensors.torch.save_file(net.state_dict(), folder / "in.safetensors")
    keys = ", ".join(f"{k}: {v}" for k, v in backbone.items())
    run = folder / "run.yaml"
    run.write_text(
        f"name: parity\ndevice: {{plugin: cpu}}\nprecision: f32\n"
        f"data: {{plugin: image_folder, path: {folder}/images, store: {{cache: {folder}/cache}}}}\n"
        f"views: [{{recipe: simclr, size: {size}, count: 2, normalize: imagenet}}]\n"
        f"backbone: {{{keys}}}\nmethod: {{plugin: simclr, hidden: 16, output: 8}}\n"
        "optimizer: {lr: 0.1}\ntrain: {batch: 2}\n"
    )
    place = ("--runs", folder / "runs")
    call(kindred, "import", folder / "in.safetensors", "--run", run, *place)
    call(kindred, "embed", folder / "runs/parity", "--to", folder / "features.safetensors")
    call(kindred, "export", folder / "runs/parity", "--to", folder / "out.safetensors")
    got = safetensors.torch.load_file(folder / "features.safetensors")
    with torch.no_grad():
        want = net(images)[got["index"]]
    back = safetensors.torch.load_file(folder / "out.safetensors")
    make().load_state_dict(back, strict=True)
    for key, value in net.state_dict().items():
        if not key.endswith("num_batches_tracked") and not torch.equal(value, back[key]):
            sys.exit(f"{key} came back changed")
    return (got["features"] - want).abs().max().item(), want.abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", nargs="*", help="; ".join(MODELS))
    parser.add_argument("--kindred", default="build/kindred")
    parser.add_argument("--limit", type=float, default=1e-4)
    args = parser.parse_args()
    worst = 0
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}")
    for name in args.name or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            error, size = compare(args.kindred, pathlib.Path(folder), *MODELS[name])
        worst = max(worst, error / max(1, size))
        print(f"{name:20} largest difference {error:.2e} of features up to {size:.2f}", flush=True)
    sys.exit(worst > args.limit)


if __name__ == "__main__":
    main()
