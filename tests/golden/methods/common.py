# SPDX-License-Identifier: Apache-2.0
"""What the golden scripts of methods share. Needs torch and torchvision (made with 1.13, 0.14).

To add a method: a file <method>.py here that subclasses Method and ends in `main(__file__, ...)`
with its cases, run it (/usr/bin/python3 tests/golden/methods/<method>.py), and give each case that
it writes a row in tests/method_cases.c. Write it from the paper's equations with plain torch; share
nothing with the plugin but the names of parameters and states.

    class Byol(Method):
        plugin = "byol"                          # the method's id
        options = dict(hidden=24, output=12)     # as in the YAML
        def build(self): ...                     # modules, named as kindred's scopes
        def loss(self, b): ...                   # of a batch: b.views[i] [n, c, h, w], b.step,
                                                 # b.indices, b.labels, b.key (for random())
        def after(self, b): ...                  # states, after the optimizer's step

Everything is float64. What has requires_grad is a parameter; other parameters (frozen, or of a
Follower) and all buffers are states: their values after the step, and the set of their names, are
compared. A state that loss() computes goes into its buffer in after().

Starting values: parameters are make_golden.start(name); a Follower's are what it follows; running
statistics 0 and 1; whatever begin() makes different, and every other state, is stored in the file.
Images, see make_golden.unit: view v of step t is unit(f"view{v}.{t}"). Rates are small because such
noise through batch norms of few rows is chaotic: in single precision the curve would go elsewhere.

Rules of groups of parameters: rule(name) gives a dict of lr_scale, constant_lr, no_decay,
active(step), unit_rows. Scheduled scalars: scheduled = {"target.keep": function of the step}, whose
values the host's own are compared with and which the step gets. Further programs: programs = {name:
"start" | "epoch"}, with over_samples naming those that go over the set; run(name, batch) is called
for every batch of it (or once, with views None).
"""
import copy
import math
import pathlib
import sys
import types

import numpy as np
import torch
import torchvision

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_golden as golden  # noqa: E402
from make_golden import unit  # noqa: E402,F401

STEPS = 20


# Random numbers of a step: kd_random of kindred/ops.h.


def stream(name):
    """kd_stream: 32-bit FNV-1a."""
    h = 2166136261
    for byte in name.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def philox(key, counter):
    """Philox4x32-10: key, an int of 64 bits; counter, uint32 [count, 4]."""
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    low, k0, k1 = np.uint64(0xFFFFFFFF), key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [
            (b >> np.uint64(32)) ^ c[1] ^ np.uint64(k0),
            b & low,
            (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k1),
            a & low,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def random(key, of, *shape):
    """Even in [0, 1): key is (seed, step), `of` a stream's number or name."""
    of = stream(of) if isinstance(of, str) else of
    seed, step = (int(k) & (1 << 64) - 1 for k in key)
    count = math.prod(shape)
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    counter = np.zeros((len(index), 4), dtype=np.uint64)
    counter[:, 0], counter[:, 1] = index, of
    counter[:, 2], counter[:, 3] = step & 0xFFFFFFFF, step >> 32
    words = philox(seed, counter).reshape(-1)[:count]
    return torch.from_numpy((words >> np.uint64(8)).astype(np.float64) / 2.0**24).reshape(shape)


# Schedules: kd_schedule of kindred/graph.h, in steps.


def ramp(begin, end, start, stop, cosine=False):
    """`begin` until step `start`, then towards `end`, which it has from step `stop` on."""

    def at(step):
        if step < start or step >= stop:
            return begin if step < start else end
        x = (step - start) / (stop - start)
        x = (1 - math.cos(math.pi * x)) / 2 if cosine else x
        return begin + (end - begin) * x

    return at


# Modules under kindred's names.


class Norm(torch.nn.BatchNorm1d):
    """Batch norm over the last axis; without a shift or a scale where asked."""

    def __init__(self, width, scale=True, shift=True):
        super().__init__(width)
        self.weight = self.weight if scale else None
        self.bias = self.bias if shift else None

    def forward(self, x):
        with torch.no_grad():
            n, m = len(x), self.momentum
            mean, variance = x.mean(0), x.var(0, unbiased=False)
            self.running_mean += m * (mean - self.running_mean)
            self.running_var += m * (variance * n / (n - 1) - self.running_var)
        y = (x - x.mean(0)) / (x.var(0, unbiased=False) + self.eps).sqrt()
        y = y * self.weight if self.weight is not None else y
        return y + self.bias if self.bias is not None else y


class Head(torch.nn.Module):
    """kd_head: layerI.linear, layerI.norm; last_norm: none, affine, no_shift or plain."""

    def __init__(self, width, layers=2, hidden=0, output=0, last_norm="none", norm=True,
                 hidden_bias=False, last_bias=False, gelu=False):  # fmt: skip
        super().__init__()
        self.layers, self.act = layers, torch.nn.functional.gelu if gelu else torch.relu
        hidden, output, begin = hidden or width, output or width, width
        for i in range(1, layers + 1):
            last, out = i == layers, output if i == layers else hidden
            layer = torch.nn.Module()
            layer.linear = torch.nn.Linear(width, out, last_bias if last else hidden_bias)
            if not last and norm:
                layer.norm = Norm(out)
            elif last and last_norm != "none":
                layer.norm = Norm(out, last_norm != "plain", last_norm == "affine")
            self.add_module(f"layer{i}", layer)
            width = out
        self.out = width

    def forward(self, x):
        for i in range(1, self.layers + 1):
            layer = getattr(self, f"layer{i}")
            x = layer.linear(x)
            x = layer.norm(x) if hasattr(layer, "norm") else x
            x = self.act(x) if i < self.layers else x
        return x


class Follower(torch.nn.Module):
    """Copies of modules `names` of `of`, whose parameters average() moves; norms keep statistics of
    their own."""

    def __init__(self, of, *names):
        super().__init__()
        for name in names:
            self.add_module(name, copy.deepcopy(getattr(of, name)))
        self.requires_grad_(False)
        self.names = names

    def restart(self, of):
        for mine, others in self.pairs(of):
            mine.copy_(others)

    def pairs(self, of):
        others = dict(of.named_parameters())
        return [(p, others[name]) for name, p in self.named_parameters()]


def average(follower, of, keep):
    """keep * itself + (1 - keep) * the other, of parameters alone."""
    with torch.no_grad():
        for mine, others in follower.pairs(of):
            mine.mul_(keep).add_(others, alpha=1 - keep)


def normalize(x):
    return torch.nn.functional.normalize(x, dim=-1)


class Method(torch.nn.Module):
    plugin, options = None, {}
    backbone = dict(depth=18, width=4, stem="cifar", channels=3)
    sizes = [8, 8]  # of each view, in pixels
    sides = None  # which entry of `views:` each is from; None: all from the first
    samples, total = 8, 20  # of a batch, and of the whole set
    epoch_steps, total_steps = 3, 20
    seed = 7
    classes = 4  # label of sample i: i % classes; 0: no labels
    optimizer = dict(name="sgd", lr=5e-5, decay=1e-3, momentum=0.9)
    clip_each = 0.0
    scheduled, programs, over_samples = {}, {}, ()

    def __init__(self, **changes):
        super().__init__()
        self.options = {**self.options, **changes}
        if self.plugin_encoder:
            encoder = golden.Encoder(self.backbone)
            self.encoder, self.width = encoder.net, encoder.out
        self.build()

    plugin_encoder = True  # False: build() makes its own modules and sets self.width

    def build(self):
        pass

    def loss(self, b):
        raise NotImplementedError

    def begin(self):
        """Changes starting values."""

    def after(self, b):
        pass

    def run(self, name, b):
        """A further program."""

    def rule(self, name):
        return {}

    # What the harness does with it.

    def batch(self, step, prefix="", indices=None):
        size = self.samples
        if indices is None:
            indices = (np.arange(size) * 7 + step * 5) % self.total
        views = []
        for v, side in enumerate(self.sizes):
            shape = (size, side, side, self.backbone["channels"])
            x = torch.from_numpy(unit(f"{prefix}view{v}.{step}", math.prod(shape)))
            views.append(x.reshape(shape).permute(0, 3, 1, 2).contiguous())
        indices = torch.from_numpy(np.asarray(indices, dtype=np.int64))
        labels = indices % self.classes if self.classes else None
        return types.SimpleNamespace(
            views=views, indices=indices, labels=labels, step=step, key=(self.seed, step)
        )

    def run_programs(self, step):
        for when in ("start", "epoch"):
            due = step == 0 if when == "start" else step % self.epoch_steps == 0
            for name in (n for n, w in self.programs.items() if w == when and due):
                batches = -(-self.total // self.samples) if name in self.over_samples else 1
                for i in range(batches):
                    b = types.SimpleNamespace(views=None, indices=None, labels=None)
                    if name in self.over_samples:
                        at = (np.arange(self.samples) + i * self.samples) % self.total
                        b = self.batch(i, f"{name}.{step}.", at)
                    b.step, b.key = step, (self.seed, step)
                    with torch.no_grad():
                        self.run(name, b)

    def trained(self):
        return [(n, p) for n, p in self.named_parameters() if p.requires_grad]

    def states(self):
        kept = [(n, p) for n, p in self.named_parameters() if not p.requires_grad]
        return kept + [(n, b) for n, b in self.named_buffers() if "num_batches" not in n]

    def followers(self):
        return [(n, m) for n, m in self.named_modules() if isinstance(m, Follower)]

    def start(self):
        """Sets starting values; returns those that a file must hold."""
        with torch.no_grad():
            for name, p in self.trained():
                p.copy_(golden.start(name, p.shape))
            self.begin()
            for name, p in self.trained():
                if self.rule(name).get("unit_rows"):
                    p.copy_(normalize(p))
            for _, m in self.followers():
                m.restart(self)
        own = {n for n, _ in self.named_buffers() if "running" in n}
        for prefix, m in self.followers():
            own |= {f"{prefix}.{n}" for n, _ in m.named_parameters()}
        stored = {n: x for n, x in self.states() if n not in own}
        for n, p in self.trained():
            if not torch.equal(p, golden.start(n, p.shape)):
                stored[n] = p
        return {f"start.{n}": x.detach().numpy().copy() for n, x in stored.items()}

    def update(self, moments, step):
        """One step of the optimizer, from the formulas (kindred/update.h)."""
        o = self.optimizer
        for name, p in self.trained():
            r, m = self.rule(name), moments.setdefault(name, dict(t=0))
            if "active" in r and not r["active"](step):
                continue
            lr = o["lr"] if r.get("constant_lr") else self.rate(step)
            lr *= r.get("lr_scale", 1)
            decay = o["decay"] if p.ndim > 1 and not r.get("no_decay") else 0
            g, w = p.grad, p.data
            if self.clip_each:
                g = g * min(1, self.clip_each / (float(g.norm()) + 1e-6))
            m["t"] += 1
            if o["name"] == "sgd":
                m["m"] = o["momentum"] * m.get("m", 0) + g + decay * w
                w.sub_(lr * m["m"])
            else:
                b1, b2 = o["beta1"], o["beta2"]
                m["m"] = b1 * m.get("m", 0) + (1 - b1) * g
                m["v"] = b2 * m.get("v", 0) + (1 - b2) * g * g
                w.mul_(1 - lr * decay)
                root = (m["v"] / (1 - b2 ** m["t"])).sqrt()
                w.sub_(lr * (m["m"] / (1 - b1 ** m["t"])) / (root + 1e-8))
            if r.get("unit_rows"):
                w.copy_(normalize(w))

    def rate(self, step):
        return self.optimizer["lr"] * (1 - 0.5 * step / STEPS)


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text(v) for v in value) + "]"
    return repr(value) if isinstance(value, float) else str(value)


def flow(options):
    return "{" + ", ".join(f"{k}: {text(v)}" for k, v in options.items()) + "}"


def describe(m):
    o = m.optimizer
    sides = m.sides or [0] * len(m.sizes)
    encoder = {k: m.backbone[k] for k in ("depth", "stem", "width")}
    return {
        "method": m.plugin,
        "options": flow(m.options),
        "backbone": flow(encoder),
        "sizes": " ".join(map(str, m.sizes)),
        "sides": " ".join(map(str, sides)),
        "channels": str(m.backbone["channels"]),
        "samples": str(m.samples),
        "total": str(m.total),
        "classes": str(m.classes),
        "epoch_steps": str(m.epoch_steps),
        "total_steps": str(m.total_steps),
        "steps": str(STEPS),
        "seed": str(m.seed),
        "optimizer": o["name"],
        "lr": repr(float(o["lr"])),
        "decay": repr(float(o["decay"])),
        "momentum": repr(float(o.get("momentum", 0))),
        "beta1": repr(float(o.get("beta1", 0))),
        "beta2": repr(float(o.get("beta2", 0))),
        "clip_each": repr(float(m.clip_each)),
        "programs": " ".join(m.programs),
        "parameters": " ".join(n for n, _ in m.trained()),
        "states": " ".join(n for n, _ in m.states()),
        "made_with": f"torch {torch.__version__}, torchvision {torchvision.__version__}",
    }


def make(m, path):
    m = m.double().train()
    tensors = m.start()
    moments, losses, indices = {}, [], []
    for step in range(STEPS):
        m.run_programs(step)
        b = m.batch(step)
        loss = m.loss(b)
        for _, p in m.trained():
            p.grad = torch.zeros_like(p)
        loss.backward()
        losses.append(loss.item())
        indices.append(b.indices.tolist())
        if step == 0:
            tensors["gradients"] = golden.project((n, p.grad) for n, p in m.trained())
        m.update(moments, step)
        with torch.no_grad():
            m.after(b)
        if step == 0:
            tensors["weights"] = golden.project((n, p.data) for n, p in m.trained())
            tensors["states"] = golden.project((n, x.double()) for n, x in m.states())
    tensors["loss"], tensors["indices"] = losses, indices
    tensors["rate"] = [m.rate(s) for s in range(STEPS)]
    for name, at in m.scheduled.items():
        tensors[f"scheduled.{name}"] = [at(s) for s in range(STEPS)]
    golden.write_safetensors(path, tensors, describe(m))
    print(path, path.stat().st_size, "bytes; losses", losses[0], "to", losses[-1])


def main(script, cases):
    """cases: name of the golden file -> Method."""
    folder = pathlib.Path(script).resolve().parent
    wanted = sys.argv[1:] or list(cases)
    for name in wanted:
        make(cases[name](), folder / f"{name}.safetensors")
