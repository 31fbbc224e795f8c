#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes ops.safetensors: small inputs and PyTorch's results in float64, for test_op_golden.c.

Run it with any PyTorch from this folder; the file's metadata says which one made it. Images go
from PyTorch's [n, c, h, w] to kindred's [n, h, w, c], weights from [o, i, kh, kw] to [o, kh, kw, i].
"""
import json
import struct

import torch
import torch.nn.functional as F

torch.manual_seed(20260)
torch.set_default_dtype(torch.float64)
tensors = {}


def keep(name, t):
    tensors[name] = t.detach().clone().contiguous()


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def leaf(*shape):
    return torch.randn(*shape).requires_grad_()


def conv2d(name, image, weight, stride, padding):
    x, w = leaf(*image), leaf(*weight)
    y = F.conv2d(x, w, stride=stride, padding=padding)
    dy = torch.randn_like(y)
    y.backward(dy)
    for key, t in dict(x=x, w=w, y=y, dy=dy, dx=x.grad, dw=w.grad).items():
        keep(f"{name}.{key}", nhwc(t))


def matmul():
    a, b = torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    keep("matmul.a", a)
    keep("matmul.b", b)
    keep("matmul.at", a.transpose(1, 2))
    keep("matmul.bt", b.transpose(1, 2))
    keep("matmul.y", a @ b)


def batch_norm(name, residual, relu):
    x, r = leaf(3, 4, 2, 3), leaf(3, 4, 2, 3)
    norm = torch.nn.BatchNorm2d(4, eps=1e-3, momentum=0.25)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    for key, t in dict(gamma=norm.weight, beta=norm.bias, mean=norm.running_mean,
                       var=norm.running_var).items():
        keep(f"{name}.{key}", t)

    def forward():
        z = norm(x) + r if residual else norm(x)
        return F.relu(z) if relu else z

    y = forward()
    dy = torch.randn_like(y)
    y.backward(dy)
    for key, t in dict(x=x, y=y, dy=dy, dx=x.grad).items():
        keep(f"{name}.{key}", nhwc(t))
    if residual:
        keep(f"{name}.r", nhwc(r))
        keep(f"{name}.dr", nhwc(r.grad))
    for key, t in dict(dgamma=norm.weight.grad, dbeta=norm.bias.grad, new_mean=norm.running_mean,
                       new_var=norm.running_var).items():
        keep(f"{name}.{key}", t)
    norm.eval()
    keep(f"{name}.inference", nhwc(forward()))


def max_pool2d(name, size, kernel, stride, padding):
    x = leaf(2, 3, *size)
    y = F.max_pool2d(x, kernel, stride, padding)
    dy = torch.randn_like(y)
    y.backward(dy)
    for key, t in dict(x=x, y=y, dy=dy, dx=x.grad).items():
        keep(f"{name}.{key}", nhwc(t))


def rows():
    x = torch.randn(5, 7) * 4
    labels = torch.tensor([0, 6, 3, 3, 1])
    keep("rows.x", x)
    keep("rows.labels", labels.to(torch.int32))
    keep("rows.softmax", F.softmax(x, 1))
    keep("rows.log_softmax", F.log_softmax(x, 1))
    keep("rows.cross_entropy", F.cross_entropy(x, labels))
    keep("rows.normalized", F.normalize(x, dim=1))
    values, indices = torch.topk(x, 3, dim=1)
    keep("rows.top_values", values)
    keep("rows.top_indices", indices.to(torch.int32))


STEPS = 4
RATES = [0.1, 0.2, 0.15, 0.05]


def optimizers():
    """Two tensors: a matrix, which decays, and a bias, which does not."""
    w, b = torch.randn(3, 4), torch.randn(5)
    grads = [(torch.randn(3, 4), torch.randn(5)) for _ in range(STEPS)]
    keep("update.start", torch.cat([w.flatten(), b]))
    keep("update.grads", torch.stack([torch.cat([gw.flatten(), gb]) for gw, gb in grads]))
    keep("update.rates", torch.tensor(RATES))

    def run(name, make):
        params = [w.clone().requires_grad_(), b.clone().requires_grad_()]
        step = make(params)
        history = []
        for lr, gradient in zip(RATES, grads):
            for p, g in zip(params, gradient):
                p.grad = g.clone()
            step(lr)
            history.append(torch.cat([p.detach().flatten() for p in params]))
        keep(f"update.{name}", torch.stack(history))

    def torch_step(optimizer):
        def step(lr):
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
        return step

    def groups(params, decay):
        return [{"params": params[:1], "weight_decay": decay},
                {"params": params[1:], "weight_decay": 0}]

    run("sgd", lambda p: torch_step(torch.optim.SGD(groups(p, 0.01), lr=1, momentum=0.9)))
    run("nesterov", lambda p: torch_step(
        torch.optim.SGD(groups(p, 0.01), lr=1, momentum=0.9, nesterov=True)))
    run("adamw", lambda p: torch_step(
        torch.optim.AdamW(groups(p, 0.05), lr=1, betas=(0.9, 0.99), eps=1e-6)))
    run("lars_fb", lars_fb)
    run("lars_google", lars_google)
    run("lars_solo", lambda p: lars_solo(p, False))
    run("lars_solo_clipped", lambda p: lars_solo(p, True))


# LARS as published, written out anew from each description; weight decay 0.01, momentum 0.9.


def lars_fb(params):
    """github.com/facebookresearch/barlowtwins, main.py, class LARS; its eta is 0.001."""
    moments = [torch.zeros_like(p) for p in params]

    def step(lr):
        for p, moment in zip(params, moments):
            d = p.grad.clone()
            if p.ndim > 1:
                d += 0.01 * p.detach()
                d *= 0.001 * p.detach().norm() / d.norm()
            moment.mul_(0.9).add_(d)
            p.data.sub_(lr * moment)
    return step


def lars_google(params):
    """github.com/google-research/simclr, lars_optimizer.py, classic momentum; eeta 0.001."""
    moments = [torch.zeros_like(p) for p in params]

    def step(lr):
        for p, moment in zip(params, moments):
            d = p.grad.clone()
            ratio = 1.0
            if p.ndim > 1:
                d += 0.01 * p.detach()
                ratio = 0.001 * p.detach().norm() / d.norm()
            moment.mul_(0.9).add_(lr * ratio * d)
            p.data.sub_(moment)
    return step


def lars_solo(params, clip):
    """github.com/vturrisi/solo-learn, solo/utils/lars.py; eta 0.02, with and without clip_lr."""
    moments = [torch.zeros_like(p) for p in params]

    def step(lr):
        for p, moment in zip(params, moments):
            d = p.grad.clone()
            if p.ndim > 1:
                p_norm, g_norm = p.detach().norm(), d.norm()
                ratio = 0.02 * p_norm / (g_norm + p_norm * 0.01 + 1e-8)
                if clip:
                    ratio = min(ratio / lr, 1)
                d = (d + 0.01 * p.detach()) * ratio
            moment.mul_(0.9).add_(d)
            p.data.sub_(lr * moment)
    return step


def write(path):
    kinds = {torch.float64: "F64", torch.int32: "I32"}
    header = {"__metadata__": {"made_by": "tests/golden/make_ops.py", "torch": torch.__version__}}
    data = b""
    for name in sorted(tensors, key=lambda n: (tensors[n].dtype == torch.int32, n)):
        t = tensors[name]
        code = "d" if t.dtype == torch.float64 else "i"
        flat = t.flatten().tolist()
        payload = struct.pack(f"<{len(flat)}{code}", *flat)
        header[name] = {"dtype": kinds[t.dtype], "shape": list(t.shape),
                        "data_offsets": [len(data), len(data) + len(payload)]}
        data += payload
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


conv2d("conv3x3", (1, 3, 5, 4), (4, 3, 3, 3), 1, 1)
conv2d("conv3x3s2", (2, 3, 5, 4), (2, 3, 3, 3), 2, 1)
conv2d("conv1x1s2", (1, 4, 5, 4), (3, 4, 1, 1), 2, 0)
conv2d("conv7x7s3", (1, 2, 8, 9), (2, 2, 7, 7), 3, 3)
matmul()
batch_norm("norm", False, False)
batch_norm("norm_relu", False, True)
batch_norm("norm_residual", True, True)
max_pool2d("pool3x3", (5, 6), 3, 2, 1)
max_pool2d("pool2x2", (4, 7), 2, 2, 0)
rows()
optimizers()
write("ops.safetensors")
