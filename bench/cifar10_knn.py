#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SimCLR on CIFAR-10 in PyTorch, with kNN accuracy before training and after chosen epochs: the
column that stands beside kindred's own in the README.

    bench/cifar10_knn.py cifar-10-batches-bin [--epochs 10] [--at 0,1,3,5,10]

ResNet-18 with torchvision's blocks, the CIFAR stem (3x3, no pooling) and 16 base channels, the
two-layer head with batch norm, SGD: the settings of examples/simclr-cifar10.yaml. Augmentation:
random resized crop .08-1 (bilinear), flip, jitter .4 .4 .4 .1 with probability .8 in random order,
grayscale .2, no blur (SimCLR's setting for CIFAR), in float. kNN: cosine, k 200, T 0.1, votes
exp(s / T), bank: the 50,000 training images without augmentation, encoder in eval mode. Needs torch
and torchvision; no download.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F
import torchvision.transforms.functional_tensor as FT
from peer import SimCLR, encoder, load_cifar10, normalize, nt_xent, sgd


def crop_boxes(n, side):
    """RandomResizedCrop.get_params for n images: top, left, height, width."""
    area = side * side
    boxes = torch.tensor([[0.0, 0.0, side, side]]).repeat(n, 1)
    todo = torch.arange(n)
    for _ in range(10):
        if todo.numel() == 0:
            break
        k = todo.numel()
        target = area * torch.empty(k).uniform_(0.08, 1)
        ratio = torch.empty(k).uniform_(math.log(3 / 4), math.log(4 / 3)).exp()
        w, h = (target * ratio).sqrt().round(), (target / ratio).sqrt().round()
        fits = (w > 0) & (w <= side) & (h > 0) & (h <= side)
        top = (torch.rand(k) * (side - h + 1)).floor()
        left = (torch.rand(k) * (side - w + 1)).floor()
        boxes[todo[fits]] = torch.stack([top, left, h, w], 1)[fits]
        todo = todo[~fits]
    return boxes


def crop_resize_flip(x):
    n, side = x.shape[0], x.shape[-1]
    top, left, h, w = crop_boxes(n, side).unbind(1)
    flip = (torch.rand(n) < 0.5).float() * -2 + 1
    at = torch.arange(side) + 0.5
    ys = top[:, None] + (at * h[:, None] / side)
    centre = at - side / 2
    xs = left[:, None] + (centre * flip[:, None] + side / 2) * w[:, None] / side
    # Clamped to the crop, as a resize of the crop alone would be.
    ys = torch.minimum(torch.maximum(ys, top[:, None] + 0.5), (top + h)[:, None] - 0.5)
    xs = torch.minimum(torch.maximum(xs, left[:, None] + 0.5), (left + w)[:, None] - 0.5)
    grid = torch.stack(
        [
            (2 * xs / side - 1)[:, None, :].expand(n, side, side),
            (2 * ys / side - 1)[:, :, None].expand(n, side, side),
        ],
        -1,
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def gray(x):
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def factor(n, s):
    return torch.empty(n, 1, 1, 1).uniform_(1 - s, 1 + s)


def brightness(x):
    return x * factor(len(x), 0.4)


def contrast(x):
    f = factor(len(x), 0.4)
    return f * x + (1 - f) * gray(x).mean((1, 2, 3), keepdim=True)


def saturation(x):
    f = factor(len(x), 0.4)
    return f * x + (1 - f) * gray(x)


def hue(x):
    hsv = FT._rgb2hsv(x)
    shift = torch.empty(len(x), 1, 1).uniform_(-0.1, 0.1)
    return FT._hsv2rgb(torch.stack([(hsv[:, 0] + shift) % 1, hsv[:, 1], hsv[:, 2]], 1))


def jitter(x):
    chosen = (torch.rand(len(x)) < 0.8).nonzero().flatten()
    order = torch.rand(len(chosen), 4).argsort(1)
    ops = [brightness, contrast, saturation, hue]
    for turn in range(4):
        for i, op in enumerate(ops):
            rows = chosen[order[:, turn] == i]
            if rows.numel():
                x[rows] = op(x[rows]).clamp_(0, 1)
    return x


def view(images):
    x = jitter(crop_resize_flip(images.float() / 255))
    grays = torch.rand(len(x)) < 0.2
    x[grays] = gray(x[grays]).expand(-1, 3, -1, -1)
    return normalize(x)


@torch.no_grad()
def features(net, images):
    net.eval()
    rows = [
        net(normalize(b.float() / 255).contiguous(memory_format=torch.channels_last))
        for b in images.split(500)
    ]
    net.train()
    return F.normalize(torch.cat(rows))


@torch.no_grad()
def knn(net, train, test, k=200, temperature=0.1):
    bank, right = features(net, train[0]), 0
    for query, label in zip(features(net, test[0]).split(500), test[1].split(500)):
        s, i = (query @ bank.t()).topk(k)
        votes = torch.zeros(len(query), 10).scatter_add_(1, train[1][i], (s / temperature).exp())
        right += (votes.argmax(1) == label).sum().item()
    return right / len(test[1])


def rate(step, total, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("data", help="folder cifar-10-batches-bin")
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--at", default="0,1,3,5,10", help="epochs after which kNN is measured")
    p.add_argument("--width", type=int, default=16)
    p.add_argument("--hidden", type=int, default=512)
    p.add_argument("--output", type=int, default=128)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--lr", type=float, default=0.12)
    p.add_argument("--weight-decay", type=float, default=5e-4)
    p.add_argument("--warmup-epochs", type=float, default=1)
    p.add_argument("--temperature", type=float, default=0.2)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    print(vars(a), "torch", torch.__version__, flush=True)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    train, test = load_cifar10(a.data, "train"), load_cifar10(a.data, "test")
    net = encoder(18, "cifar", a.width)
    model = SimCLR(net, a.hidden, a.output).to(memory_format=torch.channels_last)
    optimizer = sgd(model, a.lr, a.weight_decay)
    at = {int(e) for e in a.at.split(",")}
    steps = len(train[0]) // a.batch
    total, warmup, spent, step = a.epochs * steps, int(a.warmup_epochs * steps), 0.0, 0
    print("| epochs | kNN accuracy | loss | training seconds |\n|---|---|---|---|", flush=True)
    if 0 in at:
        print(f"| 0 | {100 * knn(net, train, test):.2f} % | - | 0 |", flush=True)
    for epoch in range(1, a.epochs + 1):
        began, sum_loss = time.time(), 0.0
        order = torch.randperm(len(train[0]))
        for rows in order[: steps * a.batch].split(a.batch):
            images = train[0][rows]
            both = torch.cat([view(images), view(images)])
            both = both.contiguous(memory_format=torch.channels_last)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, total, warmup, a.lr)
            loss = nt_xent(model(both), a.temperature)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            sum_loss += loss.item()
            step += 1
        spent += time.time() - began
        mean = sum_loss / steps
        accuracy = f"{100 * knn(net, train, test):.2f} %" if epoch in at else "-"
        print(f"| {epoch} | {accuracy} | {mean:.4f} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
