#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes backbones.safetensors: features and gradients of tiny backbones from timm, torchvision and
PyTorch's interpolation, for tests/test_backbones.c.

    tests/golden/make_backbones.py        needs torch, torchvision and timm (made with 1.0.31)

Images and weights are not stored: element i of a tensor in PyTorch's layout (images as [n, h, w, c])
is unit(name, i) of make_golden.py times a scale (see `start`). Of each gradient of the sum of all
features, each weighted by unit("weight<size>", i), three projections and the norm are stored, as
there. Everything is computed in double precision. The cases are those of the test, by name.
"""
import functools
import json
import math
import pathlib
import struct

import timm
import torch
import torch.nn.functional as F
import torchvision
from make_golden import unit
from timm.models import vision_transformer

SAMPLES = 3
TINY = dict(img_size=16, patch_size=4, embed_dim=32, depth=2, num_heads=2, num_classes=0)
torch.set_default_dtype(torch.float64)


def resample(antialias, table, new_size, num_prefix_tokens=1, **_):
    """timm's resample_abs_pos_embed, which would round to single precision on the way."""
    prefix, grid = table[:, :num_prefix_tokens], table[:, num_prefix_tokens:]
    side = math.isqrt(grid.shape[1])
    if list(new_size) == [side, side]:
        return table
    grid = grid.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=list(new_size), mode="bicubic", antialias=antialias)
    return torch.cat([prefix, grid.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def vit(antialias=True, **keys):
    """timm's model; its own choice for other sizes is smoothed, dino's is plain bicubic."""
    net = vision_transformer.VisionTransformer(**{**TINY, "dynamic_img_size": True, **keys})
    return net, functools.partial(resample, antialias)


def sincos_vit():
    """The fixed positions of moco-v3's vits.py, build_2d_sincos_position_embedding."""
    net, positions = vit()
    side, dim = 4, TINY["embed_dim"]
    first, second = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    omega = 1 / 10000 ** (torch.arange(dim // 4) / (dim // 4))
    a, b = first.flatten().outer(omega), second.flatten().outer(omega)
    grid = torch.cat([a.sin(), a.cos(), b.sin(), b.cos()], 1)
    net.pos_embed = torch.nn.Parameter(torch.cat([torch.zeros(1, dim), grid])[None])
    net.pos_embed.requires_grad = False
    return net, positions


def wide_resnet():
    net = torchvision.models.resnet.ResNet(
        torchvision.models.resnet.Bottleneck, [1, 1, 1, 1], width_per_group=128
    )
    net.inplanes = 4
    net.conv1 = torch.nn.Conv2d(3, 4, 3, 1, 1, bias=False)
    net.bn1 = torch.nn.BatchNorm2d(4)
    for i, count in enumerate([3, 4, 6, 3]):
        stage = net._make_layer(torchvision.models.resnet.Bottleneck, 4 << i, count, min(i, 1) + 1)
        setattr(net, f"layer{i + 1}", stage)
    net.maxpool = net.fc = torch.nn.Identity()
    return net, None


CASES = {
    "timm": (vit(), (16, 12, 24)),
    "dino": (vit(antialias=False), (16, 12, 24)),
    "mean": (vit(global_pool="avg", qkv_bias=False, num_heads=4), (16, 12)),
    "sincos": (sincos_vit(), (16,)),
    "wide": (wide_resnet(), (8,)),
}
tensors, metadata = {}, {}


def start(name, shape):
    """Weights unit sqrt(3 / fan in), vectors unit / 10, of norms' weights around 1."""
    u = torch.from_numpy(unit(name, math.prod(shape))).reshape(shape)
    if len(shape) > 1:
        return u * math.sqrt(3 / math.prod(shape[1:]))
    return u * 0.1 + (1 if name.endswith("weight") else 0)


def projections(name, x):
    rows = [torch.from_numpy(unit(f"project{k}.{name}", x.numel())) @ x.flatten() for k in range(3)]
    return torch.stack([*rows, x.norm()])


def run(case, net, positions, sizes):
    net.eval()
    names = [name for name, p in net.named_parameters() if p.requires_grad]
    with torch.no_grad():
        for name in names:
            p = net.get_parameter(name)
            p.copy_(start(f"encoder.{name}", p.shape))
    if positions:
        vision_transformer.resample_abs_pos_embed = positions
    total = 0
    for size in sizes:
        count = SAMPLES * size * size * 3
        images = torch.from_numpy(unit(f"images{size}", count)).reshape(SAMPLES, size, size, 3)
        y = net(images.permute(0, 3, 1, 2))
        weight = torch.from_numpy(unit(f"weight{size}", y.numel())).reshape(y.shape)
        total = total + (y * weight).sum()
        tensors[f"{case}.{size}"] = y.detach()
    total.backward()
    rows = [projections(f"encoder.{n}", net.get_parameter(n).grad) for n in names]
    tensors[f"{case}.gradients"] = torch.stack(rows)
    metadata[f"{case}.parameters"] = " ".join(f"encoder.{n}" for n in names)


def write(path):
    header, at = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        header[name] = dict(dtype="F64", shape=list(t.shape), data_offsets=[at, at + 8 * t.numel()])
        at += 8 * t.numel()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(t.contiguous().numpy().tobytes())


for case, ((net, positions), sizes) in CASES.items():
    run(case, net, positions, sizes)
metadata["made with"] = (
    f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
)
write(pathlib.Path(__file__).with_name("backbones.safetensors"))
