# SPDX-License-Identifier: Apache-2.0
"""DINO (Caron et al. 2021, algorithm 1): golden numbers of plugins/methods/dino.c."""
import copy

import torch
from common import Head, Method, golden, main, ramp


class Last(torch.nn.Module):
    """torch's weight_norm(Linear(bias=False)): rows of unit length times weight_g."""

    def __init__(self, width, output, trained):
        super().__init__()
        self.weight_v = torch.nn.Parameter(torch.zeros(output, width))
        if trained:
            self.weight_g = torch.nn.Parameter(torch.ones(output, 1))

    def forward(self, x):
        w = self.weight_v / self.weight_v.norm(dim=1, keepdim=True)
        return x @ (w * self.weight_g if hasattr(self, "weight_g") else w).t()


class Pair:
    """A module that follows another one of the same parameters."""

    def __init__(self, mine, others):
        self.mine, self.others = mine, others

    def named_parameters(self):
        return self.mine.named_parameters()

    def move(self, keep):
        others = dict(self.others.named_parameters())
        for name, p in self.mine.named_parameters():
            p.mul_(keep).add_(others[name], alpha=1 - keep)

    def restart(self, of):
        self.move(0)


class Dino(Method):
    plugin = "dino"
    options = dict(keep=0.9, final_keep=1.0, teacher_temperature=0.07, warmup_temperature=0.04,
                   warmup_epochs=4, freeze_epochs=1, hidden=24, bottleneck=12, output=10,
                   norm=False, norm_last_layer=False)  # fmt: skip
    sizes, sides = [8, 8, 6, 6, 6], [0, 0, 1, 1, 1]
    plugin_encoder = False
    optimizer = dict(name="adamw", lr=0.002, decay=0.04, beta1=0.9, beta2=0.999)
    clip_each = 0.1

    def build(self):
        o, student = self.options, torch.nn.Module()
        encoder = golden.Encoder(self.backbone)
        student.encoder, self.width = encoder.net, encoder.out
        student.head = torch.nn.Module()
        student.head.mlp = Head(
            self.width, 3, 24, 12, norm=o["norm"], hidden_bias=True, last_bias=True, gelu=True
        )
        student.head.last_layer = Last(12, o["output"], not o["norm_last_layer"])
        self.student = student
        self.encoder, self.head = copy.deepcopy(student.encoder), copy.deepcopy(student.head)
        for teacher in (self.encoder, self.head):
            teacher.requires_grad_(False)
        self.register_buffer("center", torch.zeros(o["output"]))
        epochs, begin, end = o["warmup_epochs"], o["warmup_temperature"], o["teacher_temperature"]

        def temperature(step):
            epoch = step // self.epoch_steps
            last = max(epochs - 1, 1)
            return begin + (end - begin) * epoch / last if epoch < epochs else end

        self.scheduled = {
            "keep": ramp(0.9, 1, 0, self.total_steps, cosine=True),
            "teacher_temperature": temperature,
            "last_layer_active": ramp(0, 1, 3, 3),
        }

    def followers(self):
        return [
            ("encoder", Pair(self.encoder, self.student.encoder)),
            ("head", Pair(self.head, self.student.head)),
        ]

    def rule(self, name):
        return dict(active=self.scheduled["last_layer_active"]) if "last_layer" in name else {}

    def scores(self, net, big, small=None):
        x = net.encoder(torch.cat(big))
        x = torch.cat([x, net.encoder(torch.cat(small))]) if small else x
        return net.head.last_layer(torch.nn.functional.normalize(net.head.mlp(x)))

    def loss(self, b):
        student = self.scores(self.student, b.views[:2], b.views[2:]).chunk(len(b.views))
        with torch.no_grad():
            self.raw = self.scores(self, b.views[:2])
            t = self.scheduled["teacher_temperature"](b.step)
            p = torch.softmax((self.raw - self.center) / t, 1).chunk(2)
        terms = [
            -(p[i] * torch.log_softmax(student[v] / 0.1, 1)).sum(1).mean()
            for i in (0, 1)
            for v in range(len(student))
            if v != i
        ]
        return sum(terms) / len(terms)

    def after(self, b):
        self.center.copy_(0.9 * self.center + 0.1 * self.raw.mean(0))
        for _, pair in self.followers():
            pair.move(self.scheduled["keep"](b.step))


class Sgd(Dino):
    optimizer = Method.optimizer
    clip_each = 0.0
    sizes, sides = [8, 8], None

    def scores(self, net, big, small=None):
        return super().scores(net, big)


def norm():
    return Sgd(norm=True, norm_last_layer=True, warmup_epochs=0)


def one_epoch():
    return Dino(warmup_epochs=1)


main(__file__, {"dino": Dino, "dino_norm": norm, "dino_warm": one_epoch})
