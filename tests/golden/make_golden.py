#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes golden numbers of ResNet + SimCLR from PyTorch for tests/test_golden.c.

    tests/golden/make_golden.py [folder]        needs torch and torchvision (made with 1.13, 0.14)

Nothing large is stored. Images and starting weights are not stored at all: element i of a tensor
(in PyTorch's layout, images as [n, h, w, c]) is unit(name, i), a number in [-1, 1) from FNV-1a of
the name and the mixing function of SplitMix64, times a scale (see `start`). Of each gradient,
weight and running statistic three projections sum_i unit("project<k>." + name, i) x_i and the norm
are stored: a wrong element changes them all. Everything is computed in double precision.

Four numbers stand for a tensor of any size because a difference d from it, whatever it is, moves a
projection by about |d| / sqrt(3): the weights have nothing to do with d. All three are ten times
smaller once in some thousand tensors. So a difference of some ten tolerances (1e-8 in f64) is found
for certain, and no mistake in a formula is that small: it changes the first digits. Files stay at
15 KB a case; whole tensors would be about a megabyte.
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

MASK = (1 << 64) - 1
# name: options of the encoder and of the method, optimizer, its two learning rates, weight decay.
CASES = {
    "resnet18_sgd": dict(
        depth=18, width=8, stem="cifar", size=32, samples=4, channels=3, views=2,
        head="lightly", hidden=24, output=16, temperature=0.2, loss="mean",
        optimizer="sgd", rates=(0.005, 0.002), decay=1e-3,
    ),
    "resnet50_lars": dict(
        depth=50, width=8, stem="imagenet", size=32, samples=16, channels=3, views=2,
        head="google", hidden=32, output=16, temperature=0.5, loss="sum",
        optimizer="lars_fb", rates=(0.01, 0.005), decay=1e-4,
    ),
    "resnet34_larc": dict(
        depth=34, width=4, stem="tiny", size=16, samples=6, channels=1, views=2,
        head="solo", hidden=16, output=8, temperature=0.5, loss="mean",
        optimizer="lars_solo", rates=(0.02, 0.04), decay=1e-2,
    ),
    "resnet18_adamw": dict(
        depth=18, width=4, stem="cifar", size=8, samples=5, channels=3, views=3,
        head="paper", hidden=0, output=8, temperature=0.3, loss="mean",
        optimizer="adamw", rates=(1e-2, 5e-3), decay=0.1,
    ),
    "resnet18_google_lars": dict(
        depth=18, width=4, stem="tiny", size=16, samples=8, channels=3, views=2,
        head="lightly", hidden=16, output=8, temperature=0.2, loss="mean",
        optimizer="lars_google", rates=(0.02, 0.01), decay=1e-4,
    ),
}  # fmt: skip


def unit(name, count):
    """count numbers in [-1, 1) that depend on the name and their position alone."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        x = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1


def start(name, shape):
    """Norms: weight 1 + unit / 5, a quarter of that for bn3 (deep networks are chaotic otherwise),
    bias unit / 5; other biases unit / 10; weights of convolutions and of linear layers
    unit sqrt(6 / fan in)."""
    u = torch.from_numpy(unit(name, math.prod(shape))).reshape(shape)
    if len(shape) > 1:
        return u * math.sqrt(6 / math.prod(shape[1:]))
    is_norm = ".bn" in name or ".norm" in name or "downsample.1" in name
    x = (1 if name.endswith("weight") else 0) + u * (0.2 if is_norm else 0.1)
    return x / 4 if name.endswith("bn3.weight") else x


class Encoder(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        resnet = torchvision.models.resnet
        block = resnet.Bottleneck if c["depth"] == 50 else resnet.BasicBlock
        blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}[c["depth"]]
        net = resnet.ResNet(block, blocks)
        kernel, stride, padding = (7, 2, 3) if c["stem"] == "imagenet" else (3, 1, 1)
        net.inplanes = c["width"]
        net.conv1 = torch.nn.Conv2d(
            c["channels"], c["width"], kernel, stride, padding, bias=False
        )
        net.bn1 = torch.nn.BatchNorm2d(c["width"])
        for i in range(4):
            stage = net._make_layer(
                block, c["width"] << i, blocks[i], stride=1 if i == 0 else 2
            )
            setattr(net, f"layer{i + 1}", stage)
        if c["stem"] == "cifar":
            net.maxpool = torch.nn.Identity()
        self.out = net.inplanes
        net.fc = torch.nn.Identity()
        self.net = net


class Model(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        encoder = Encoder(c)
        self.encoder = encoder.net
        layers = 3 if c["head"] == "google" else 2
        norm = c["head"] in ("lightly", "google")
        width = encoder.out
        self.projector = torch.nn.Module()
        self.layers = []
        for i in range(1, layers + 1):
            last = i == layers
            out = c["output"] if last else c["hidden"] or encoder.out
            layer = torch.nn.Module()
            layer.linear = torch.nn.Linear(width, out, bias=c["head"] == "solo")
            steps = [layer.linear]
            if norm:
                layer.norm = torch.nn.BatchNorm1d(out)
                if last and c["head"] == "google":
                    layer.norm.bias = None
                steps.append(layer.norm)
            if not last:
                steps.append(torch.nn.ReLU())
            setattr(self.projector, f"layer{i}", layer)
            self.layers.append(steps)
            width = out

    def forward(self, x):
        x = self.encoder(x)
        for steps in self.layers:
            for step in steps:
                x = step(x)
        return F.normalize(x)


def simclr(z, n, c):
    """-> loss, share of rows whose nearest other row shows the same image."""
    rows = len(z)
    logits = (z @ z.t() / c["temperature"]).masked_fill(
        torch.eye(rows, dtype=torch.bool), -math.inf
    )
    shifts = range(n, rows, n)
    terms = [F.cross_entropy(logits, torch.arange(rows).roll(-s)) for s in shifts]
    right = logits.argmax(1) % n == torch.arange(rows) % n
    factor = 2 if c["loss"] == "sum" else 1
    return factor * sum(terms) / len(terms), right.double().mean()


def update(c, parameters, moments, rate, t):
    """One optimizer step, written from the formulas; one-dimensional tensors neither decay nor
    adapt."""
    for p, m in zip(parameters, moments):
        wide = p.ndim > 1
        decay, w, g = (c["decay"] if wide else 0), p.data, p.grad
        d = g + decay * w
        q = 1.0
        if c["optimizer"] == "adamw":
            m[0].mul_(0.9).add_(g, alpha=0.1)
            m[1].mul_(0.999).addcmul_(g, g, value=0.001)
            w.mul_(1 - rate * decay)
            root = (m[1] / (1 - 0.999**t)).sqrt()
            w.sub_(rate * (m[0] / (1 - 0.9**t)) / (root + 1e-8))
            continue
        if c["optimizer"] in ("lars_fb", "lars_google") and wide:
            q = 0.001 * w.norm() / d.norm()
        if c["optimizer"] == "lars_solo" and wide:
            q = 0.02 * w.norm() / (g.norm() + decay * w.norm() + 1e-8)
            q = min(q / rate, 1)
        if c["optimizer"] == "lars_google":
            m[0].mul_(0.9).add_(rate * q * d)
            w.sub_(m[0])
        else:
            m[0].mul_(0.9).add_(q * d)
            w.sub_(rate * m[0])


def project(named):
    rows = []
    for name, x in named:
        x = x.detach().numpy().reshape(-1)
        dots = [float(unit(f"project{k}.{name}", x.size) @ x) for k in range(3)]
        rows.append(dots + [float(np.linalg.norm(x))])
    return rows


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, rows in tensors.items():
        x = np.asarray(rows, dtype="<f8")
        header[name] = {
            "dtype": "F64",
            "shape": list(x.shape),
            "data_offsets": [len(data), len(data) + x.nbytes],
        }
        data += x.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(name, c, folder):
    model = Model(c).double().train()
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.copy_(start(key, p.shape))
    shape = (c["samples"], c["size"], c["size"], c["channels"])
    views = [
        torch.from_numpy(unit(f"view{v}", math.prod(shape))).reshape(shape).permute(0, 3, 1, 2)
        for v in range(c["views"])
    ]
    names = [key for key, _ in model.named_parameters()]
    parameters = list(model.parameters())
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    losses, accuracies, gradients = [], [], None
    for t, rate in enumerate(c["rates"], 1):
        loss, accuracy = simclr(model(torch.cat(views)), c["samples"], c)
        model.zero_grad(set_to_none=True)
        loss.backward()
        losses.append(loss.item())
        accuracies.append(accuracy.item())
        gradients = gradients or project((k, p.grad) for k, p in zip(names, parameters))
        update(c, parameters, moments, rate, t)
    statistics = [(k, b) for k, b in model.named_buffers() if "running" in k]
    tensors = {
        "loss": losses,
        "accuracy": accuracies,
        "gradients": gradients,
        "weights": project((k, p.data) for k, p in zip(names, parameters)),
        "statistics": project(statistics),
    }
    metadata = {k: str(v) for k, v in c.items() if k != "rates"}
    metadata["parameters"] = " ".join(names)
    metadata["statistics"] = " ".join(k for k, _ in statistics)
    metadata["first_rate"], metadata["second_rate"] = (repr(r) for r in c["rates"])
    metadata["made_with"] = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    path = folder / f"{name}.safetensors"
    write_safetensors(path, tensors, metadata)
    print(path, path.stat().st_size, "bytes; losses", losses, "accuracies", accuracies)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for name, case in CASES.items():
        make(name, case, folder)


if __name__ == "__main__":
    main()
