# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of the comparisons: the same encoder, head, loss and optimizer as kindred's
`resnet`, `simclr` and `lars`, and a reader of its checkpoints. Needs torch and torchvision."""

import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F
import torchvision

BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}


def encoder(depth, stem, width=64):
    """torchvision's ResNet with fc = Identity, every width scaled from `width` base channels."""
    resnet = torchvision.models.resnet
    block = resnet.Bottleneck if depth == 50 else resnet.BasicBlock
    net = resnet.ResNet(block, [1, 1, 1, 1])
    net.inplanes = width
    kernel, stride, padding = (7, 2, 3) if stem == "imagenet" else (3, 1, 1)
    net.conv1 = torch.nn.Conv2d(3, width, kernel, stride, padding, bias=False)
    net.bn1 = torch.nn.BatchNorm2d(width)
    for i, count in enumerate(BLOCKS[depth]):
        stage = net._make_layer(block, width << i, count, stride=1 if i == 0 else 2)
        setattr(net, f"layer{i + 1}", stage)
    if stem == "cifar":
        net.maxpool = torch.nn.Identity()
    net.fc = torch.nn.Identity()
    net.out_features = net.inplanes
    for m in net.modules():
        if isinstance(m, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
    return net


class Layer(torch.nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.linear = torch.nn.Linear(width, out, bias=False)
        self.norm = torch.nn.BatchNorm1d(out)

    def forward(self, x):
        return self.norm(self.linear(x))


class SimCLR(torch.nn.Module):
    """An encoder and the two-layer head with batch norm, under kindred's parameter names."""

    def __init__(self, net, hidden, output):
        super().__init__()
        self.encoder = net
        self.projector = torch.nn.Module()
        self.projector.layer1 = Layer(net.out_features, hidden)
        self.projector.layer2 = Layer(hidden, output)

    def forward(self, images):
        x = self.encoder(images)
        return self.projector.layer2(F.relu(self.projector.layer1(x)))


def nt_xent(z, temperature):
    """z [2n, d], rows i and n + i of one image -> mean cross-entropy."""
    n = len(z) // 2
    z = F.normalize(z.float())
    own = torch.eye(2 * n, dtype=torch.bool)
    logits = (z @ z.t() / temperature).masked_fill(own, -math.inf)
    return F.cross_entropy(logits, torch.arange(2 * n).roll(n))


class LARS(torch.optim.Optimizer):
    """facebookresearch/barlowtwins' variant, on torch's multi-tensor functions."""

    def __init__(self, parameters, lr, weight_decay, momentum=0.9, trust=0.001):
        parameters = list(parameters)
        wide = [p for p in parameters if p.ndim > 1]
        flat = [p for p in parameters if p.ndim == 1]
        groups = [
            {"params": wide, "weight_decay": weight_decay, "adapt": True},
            {"params": flat, "weight_decay": 0.0, "adapt": False},
        ]
        super().__init__(groups, dict(lr=lr, momentum=momentum, trust=trust))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            steps = [p.grad for p in weights]
            if group["adapt"]:
                steps = torch._foreach_add(steps, weights, alpha=group["weight_decay"])
                norms = zip(torch._foreach_norm(weights), torch._foreach_norm(steps))
                ratios = [
                    float(group["trust"] * w / s) if w > 0 and s > 0 else 1.0 for w, s in norms
                ]
                torch._foreach_mul_(steps, ratios)
            for p in weights:
                if "moment" not in self.state[p]:
                    self.state[p]["moment"] = torch.zeros_like(p)
            moments = [self.state[p]["moment"] for p in weights]
            torch._foreach_mul_(moments, group["momentum"])
            torch._foreach_add_(moments, steps)
            torch._foreach_add_(weights, moments, alpha=-group["lr"])


def sgd(model, lr, weight_decay):
    """SGD with momentum 0.9; biases and norms do not decay."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9)


DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "I32": torch.int32}


def read_safetensors(path):
    """-> {name: tensor}"""
    raw = bytearray(pathlib.Path(path).read_bytes())
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(bytes(raw[8 : 8 + length]))
    header.pop("__metadata__", None)
    tensors = {}
    for name, about in header.items():
        begin, end = (8 + length + offset for offset in about["data_offsets"])
        flat = torch.frombuffer(raw[begin:end], dtype=DTYPES[about["dtype"]])
        tensors[name] = flat.clone().reshape(about["shape"])
    return tensors


def load_checkpoint(model, path):
    """Copies a kindred checkpoint into a SimCLR of the same shape; every parameter must be there."""
    tensors = read_safetensors(path)
    with torch.no_grad():
        for name, p in model.named_parameters():
            stored = tensors[name]
            # kindred keeps convolutions as [o, kh, kw, i].
            p.copy_(stored.permute(0, 3, 1, 2) if stored.ndim == 4 else stored)


CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def load_cifar10(folder, split):
    """-> images u8 [n, 3, 32, 32], labels [n]"""
    train = [f"data_batch_{i}.bin" for i in range(1, 6)]
    names = train if split == "train" else ["test_batch.bin"]
    raw = bytearray(b"".join((pathlib.Path(folder) / n).read_bytes() for n in names))
    records = torch.frombuffer(raw, dtype=torch.uint8).view(-1, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32).contiguous(), records[:, 0].long()


def normalize(images):
    """[n, 3, h, w] in [0, 1] -> minus CIFAR-10's mean, over its deviation"""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (CIFAR_MEAN, CIFAR_STD))
    return (images - mean) / std
