#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do kindred's first 50 SimCLR steps of ResNet-18 on CIFAR-10 follow PyTorch's losses?

    bench/parity_cifar10.py cifar-10-batches-bin [--kindred build/kindred] [--limit 1e-3] [--control]

Runs bench/parity_cifar10.yaml twice: once for one step at learning rate 0, whose checkpoint holds
the initial weights, and once in full. PyTorch starts from the same weights, sees the same samples in
the same order (recomputed here as core/data/order.c defines it) and takes the same steps, at the
learning rates of kindred's metrics. Prints both losses and the largest relative difference; exits 1
when that is above the limit. --control adds PyTorch in its other memory format: how far rounding
alone takes PyTorch from itself (a larger rate soon makes training chaotic, for both).
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from peer import SimCLR, encoder, load_checkpoint, load_cifar10, normalize, nt_xent, sgd

CONFIG = pathlib.Path(__file__).with_name("parity_cifar10.yaml")
SEED, BATCH, TEMPERATURE, DECAY = 7, 64, 0.5, 5e-4
MASK = np.uint64(0xFFFFFFFF)


def philox(key, c0, c1, c2, c3):
    """Philox4x32-10 of arrays of counters -> four arrays of words."""
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in (c0, c1, c2, c3))
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (b >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            b & MASK,
            (a >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            a & MASK,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def sample_order(seed, epoch, count):
    """The permutation of core/data/order.c: Fisher and Yates, draws by Lemire's method."""
    i = np.arange(count)
    words = np.stack(philox(seed, i, i * 0, i * 0 + epoch, i * 0 + 0x4F524452))
    order = [0] * count
    for at in range(count):
        bound = at + 1
        for word in words[:, at]:
            product = int(word) * bound
            low = product & 0xFFFFFFFF
            if low >= bound or low >= (2**32 - bound) % bound:
                break
        j = product >> 32
        order[at] = order[j]
        order[j] = at
    return order


def run_kindred(program, data, folder, *overrides):
    command = [program, "train", str(CONFIG), f"data.path={data}", "--runs", str(folder)]
    subprocess.run([*command, *overrides], check=True)


def kindred_steps(folder):
    """-> losses, learning rates"""
    lines = (folder / "parity-cifar10" / "metrics.jsonl").read_text().splitlines()
    steps = {line["step"]: line for line in map(json.loads, lines) if "loss" in line}
    return [[steps[s][key] for s in sorted(steps)] for key in ("loss", "lr")]


def torch_losses(checkpoint, data, rates, memory_format):
    model = SimCLR(encoder(18, "cifar"), 512, 128)
    load_checkpoint(model, checkpoint)
    model = model.to(memory_format=memory_format).train()
    optimizer = sgd(model, 0.0, DECAY)
    images, _ = load_cifar10(data, "train")
    order, losses = sample_order(SEED, 0, len(images)), []
    for step, rate in enumerate(rates):
        rows = order[step * BATCH : (step + 1) * BATCH]
        view = normalize(images[rows].float() / 255)
        both = torch.cat([view, view]).contiguous(memory_format=memory_format)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = nt_xent(model(both), TEMPERATURE)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def compare(ours, theirs, name):
    """Prints a table; -> the largest relative difference."""
    worst = 0.0
    print(f"| step | {name} | PyTorch | relative difference |\n|---|---|---|---|")
    for step, (k, t) in enumerate(zip(ours, theirs), 1):
        difference = abs(k - t) / abs(t)
        worst = max(worst, difference)
        print(f"| {step} | {k:.6f} | {t:.6f} | {difference:.1e} |")
    print(f"\n{name}: largest relative difference of {len(ours)} steps: {worst:.2e}\n")
    return worst


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("data", help="folder cifar-10-batches-bin")
    p.add_argument("--kindred", default="build/kindred")
    p.add_argument("--limit", type=float, default=1e-3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--control", action="store_true", help="also PyTorch against itself")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    with tempfile.TemporaryDirectory() as folder:
        first, full = pathlib.Path(folder) / "first", pathlib.Path(folder) / "full"
        run_kindred(a.kindred, a.data, first, "train.steps=1", "optimizer.lr=0")
        run_kindred(a.kindred, a.data, full)
        ours, rates = kindred_steps(full)
        start = first / "parity-cifar10/checkpoints/step-1/state.safetensors"
        theirs = torch_losses(start, a.data, rates, torch.channels_last)
        if a.control:
            control = torch_losses(start, a.data, rates, torch.contiguous_format)
            compare(control, theirs, "PyTorch, contiguous")
    worst = compare(ours, theirs, "kindred")
    print("within" if worst <= a.limit else "ABOVE", f"the limit of {a.limit:g}")
    return int(worst > a.limit)


if __name__ == "__main__":
    sys.exit(main())
