#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of bench/gpu.sh: the same step on the same GPU, as one line of JSON.

    python3 bench/gpu_peer.py [--nets resnet50,vit_s8] [--tiny]

SimCLR at 64 px, 256 pairs a step, in bf16 (autocast), channels_last: ResNet-50 with LARS, ViT-S/8 with
AdamW. Images and their augmentation are on the GPU: crop and flip as one resampling (bicubic),
jitter, grey, blur of a standard deviation for each image, in batched torch operations. Hue is turned
in YIQ and jitter's order is fixed, which is less work than kindred's. Eager, torch.compile, and
torch.compile with CUDA graphs (`reduce-overhead`): medians of milliseconds a step over blocks of
steps. A variant that fails is null, and `errors` says why. --tiny: networks of a few channels on the CPU,
to see that losses fall. Needs torch and torchvision.
"""
import argparse
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from peer import SimCLR, encoder

SIDE = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Rows: Y, I, Q.
YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def uniform(n, low, high, device):
    return torch.empty(n, device=device).uniform_(low, high)


def crops(n, device):
    """Rows of random_resized_crop (area 0.08 to 1, ratio 3/4 to 4/3) and flip, as affine maps. What is
    wider or higher than the image is cut to it, where torchvision draws again."""
    area, ratio = uniform(n, 0.08, 1, device), uniform(n, math.log(3 / 4), math.log(4 / 3), device).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    x, y = uniform(n, -1, 1, device) * (1 - width), uniform(n, -1, 1, device) * (1 - height)
    flip = sometimes(n, 0.5, device).float() * 2 - 1
    none = torch.zeros_like(x)
    return torch.stack([torch.stack([width * flip, none, x], 1), torch.stack([none, height, y], 1)], 1)


def sometimes(n, p, device):
    return uniform(n, 0, 1, device) < p


def blur(x, p=0.5, radius=3):
    """Separable, with one standard deviation (0.1 to 2) an image; a tap at a time, no convolution of
    as many groups as images."""
    n, device = len(x), x.device
    at = torch.arange(-radius, radius + 1, device=device)
    taps = torch.exp(-(at**2) / (2 * uniform(n, 0.1, 2, device).view(-1, 1) ** 2))
    taps = taps / taps.sum(1, keepdim=True)
    whole = (at == 0).float().expand_as(taps)
    taps = torch.where(sometimes(n, p, device).view(-1, 1), taps, whole).view(n, -1, 1, 1, 1)
    wide = F.pad(x, (radius, radius, 0, 0), mode="reflect")
    x = sum(taps[:, k] * wide[..., k : k + SIDE] for k in range(2 * radius + 1))
    high = F.pad(x, (0, 0, radius, radius), mode="reflect")
    return sum(taps[:, k] * high[..., k : k + SIDE, :] for k in range(2 * radius + 1))


class Augment(torch.nn.Module):
    """u8 [n, 3, side, side] -> f32, normalised, channels_last"""

    def __init__(self):
        super().__init__()
        yiq = torch.tensor(YIQ)
        self.register_buffer("yiq", yiq)
        self.register_buffer("rgb", torch.linalg.inv(yiq))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def gray(self, x):
        return torch.einsum("c,nchw->nhw", self.yiq[0], x).unsqueeze(1)

    def jitter(self, x, strength=0.8, hue=0.2, p=0.8):
        n, device = len(x), x.device
        does = sometimes(n, p, device)

        def factor():
            by = uniform(n, 1 - strength, 1 + strength, device)
            return torch.where(does, by, torch.ones_like(by)).view(-1, 1, 1, 1)

        x = (x * factor()).clamp(0, 1)
        mean = self.gray(x).mean((2, 3), keepdim=True)
        x = (mean + (x - mean) * factor()).clamp(0, 1)
        gray = self.gray(x)
        x = (gray + (x - gray) * factor()).clamp(0, 1)
        angle = uniform(n, -hue, hue, device) * does * (2 * math.pi)
        c, s, one, none = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
        turn = torch.stack([one, none, none, none, c, -s, none, s, c], 1).view(-1, 3, 3)
        return torch.einsum("ncd,ndhw->nchw", self.rgb @ turn @ self.yiq, x).clamp(0, 1)

    def grayscale(self, x, p=0.2):
        does = sometimes(len(x), p, x.device).view(-1, 1, 1, 1)
        return torch.where(does, self.gray(x).expand_as(x), x)

    def forward(self, images):
        n, device = len(images), images.device
        grid = F.affine_grid(crops(n, device), list(images.shape), align_corners=False)
        x = F.grid_sample(images.float() / 255, grid, "bicubic", "reflection", align_corners=False)
        x = blur(self.grayscale(self.jitter(x.clamp(0, 1))))
        return ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)


def nt_xent(z, temperature=0.2):
    """z [2n, d], rows i and n + i of one pair -> mean cross-entropy"""
    z = F.normalize(z.float())
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.t() / temperature).masked_fill(own, -math.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(z) // 2))


class LARS(torch.optim.Optimizer):
    """peer.py's, but nothing of it waits for the GPU: ratios stay there."""

    def __init__(self, parameters, lr, weight_decay, momentum=0.9, trust=0.001):
        parameters = list(parameters)
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "decay": weight_decay, "adapt": True},
            {"params": [p for p in parameters if p.ndim == 1], "decay": 0.0, "adapt": False},
        ]
        super().__init__(groups, dict(lr=lr, momentum=momentum, trust=trust))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            weights = group["params"]
            steps = [p.grad for p in weights]
            if group["adapt"]:
                steps = torch._foreach_add(steps, weights, alpha=group["decay"])
                w = torch.stack(torch._foreach_norm(weights))
                s = torch.stack(torch._foreach_norm(steps))
                ratios = torch.where((w > 0) & (s > 0), group["trust"] * w / s, torch.ones_like(w))
                torch._foreach_mul_(steps, list(ratios.unbind()))
            for p in weights:
                if "moment" not in self.state[p]:
                    self.state[p]["moment"] = torch.zeros_like(p)
            moments = [self.state[p]["moment"] for p in weights]
            torch._foreach_mul_(moments, group["momentum"])
            torch._foreach_add_(moments, steps)
            torch._foreach_add_(weights, moments, alpha=-group["lr"])


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = torch.nn.LayerNorm(width, 1e-6), torch.nn.LayerNorm(width, 1e-6)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width)
        )

    def attend(self, x):
        n, t, width = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):  # torch 2
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(n, t, width))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(torch.nn.Module):
    """Vision transformer with patches of 8 and a class token, whose features are the output."""

    def __init__(self, width, depth, heads):
        super().__init__()
        self.out_features = width
        self.patches = torch.nn.Conv2d(3, width, 8, 8)
        self.token = torch.nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = torch.nn.Parameter(torch.randn(1, 1 + (SIDE // 8) ** 2, width) * 0.02)
        self.blocks = torch.nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = torch.nn.LayerNorm(width, 1e-6)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.norm(self.blocks(x))[:, 0]


def pictures(pairs, device):
    """u8 [pairs, 2, 3, side, side]: two noisy pictures of coarse colours of the pair's own."""
    images = torch.empty(pairs, 2, 3, SIDE, SIDE, dtype=torch.uint8, device=device)
    for part in images.split(1024):
        coarse = torch.rand(len(part), 3, 4, 4, device=device)
        fine = F.interpolate(coarse, size=SIDE, mode="bilinear", align_corners=False).unsqueeze(1)
        noise = torch.randn(len(part), 2, 3, SIDE, SIDE, device=device) * 0.05
        part.copy_(((fine + noise).clamp(0, 1) * 255).to(torch.uint8))
    return images


def create(net, device, tiny):
    if net == "resnet50":
        model = SimCLR(encoder(50, "imagenet", 4 if tiny else 64), 32 if tiny else 2048, 128)
    else:
        model = SimCLR(ViT(*((24, 2, 2) if tiny else (384, 12, 6))), 32 if tiny else 2048, 128)
    model = model.to(device, memory_format=torch.channels_last).train()
    if net == "resnet50":
        return model, LARS(model.parameters(), lr=1.2, weight_decay=1e-6)
    fused = {"fused": True} if device.type == "cuda" else {}
    return model, torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.04, **fused)


def measure(a, net, how):
    """-> milliseconds a step, and the mean losses of the first and the last tenth"""
    device = torch.device("cpu" if a.tiny else "cuda")
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    pairs = 16 if a.tiny else 256
    model, optimizer = create(net, device, a.tiny)
    augment = Augment().to(device)
    images = pictures(64 if a.tiny else 29359, device)

    def forward(first, second):
        with torch.no_grad():
            views = augment(torch.cat([first, second]))
        with torch.autocast(device.type, torch.bfloat16):
            return nt_xent(model(views))

    if how != "eager":
        forward = torch.compile(forward, mode=None if how == "compile" else "reduce-overhead")
    wait = (lambda: None) if a.tiny else torch.cuda.synchronize
    losses, blocks = [], []
    for _ in range(a.blocks):
        wait()
        began = time.perf_counter()
        for _ in range(a.steps):
            rows = torch.randint(len(images), (pairs,), device=device)
            picked = images[rows]
            loss = forward(picked[:, 0], picked[:, 1])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.detach().clone())
        wait()
        blocks.append((time.perf_counter() - began) / a.steps * 1000)
    losses = torch.stack(losses).tolist()
    tenth = max(1, len(losses) // 10)
    first, last = statistics.mean(losses[:tenth]), statistics.mean(losses[-tenth:])
    # The first two blocks compile, choose algorithms and warm up.
    return {"ms": round(statistics.median(blocks[2:]), 3), "losses": [round(first, 4), round(last, 4)]}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--nets", default="resnet50,vit_s8")
    p.add_argument("--steps", type=int, default=20, help="of a block")
    p.add_argument("--blocks", type=int, default=10)
    p.add_argument("--tiny", action="store_true")
    a = p.parse_args()
    hows = ["eager"]
    if not a.tiny:
        hows += ["compile", "compile_graphs"]
    said = {"torch": torch.__version__, "gpu": None if a.tiny else torch.cuda.get_device_name(), "errors": {}}
    for net in a.nets.split(","):
        for how in hows:
            key = f"{net}_{how}"
            try:
                said[key] = measure(a, net, how)
            except Exception as error:  # a variant that fails takes no other's number with it
                said[key] = None
                said["errors"][key] = (str(error).strip().splitlines() or [repr(error)])[-1][:300]
                print(key, error, file=sys.stderr)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
