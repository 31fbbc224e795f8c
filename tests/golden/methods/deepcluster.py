# SPDX-License-Identifier: Apache-2.0
"""DeepCluster v2 (Caron et al. 2020, appendix D): golden numbers of plugins/methods/deepcluster.c."""
import torch
from common import Head, Method, main, normalize, random, unit


class Bank(torch.nn.Module):
    def __init__(self, samples, width):
        super().__init__()
        self.register_buffer("rows", torch.zeros(samples, width))


class Prototypes(torch.nn.Module):
    def __init__(self, clusters, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(clusters, width), requires_grad=False)


class DeepCluster(Method):
    plugin = "deepcluster"
    options = dict(prototypes=[4, 5, 6], hidden=24, output=12, banks=2)
    sizes, sides = [8, 8, 6, 6], [0, 0, 1, 1]
    programs = {"fill_memory": "start", "cluster": "epoch"}
    over_samples = ("fill_memory",)

    def build(self):
        o = self.options
        self.projector = Head(self.width, 2, 24, 12, hidden_bias=True, last_bias=True)
        self.heads = len(o["prototypes"])
        for h, clusters in enumerate(o["prototypes"]):
            self.add_module(f"prototypes{h}", Prototypes(clusters, 12))
        for i in range(o["banks"]):
            self.add_module(f"bank{i}", Bank(self.total, 12))
        self.register_buffer(
            "assignments", torch.zeros(self.total, self.heads, dtype=torch.int32)
        )

    def prototypes(self, h):
        return getattr(self, f"prototypes{h}").weight

    def bank(self, i):
        return getattr(self, f"bank{i}").rows

    def begin(self):
        for h in range(self.heads):
            c = self.prototypes(h)
            c.copy_(normalize(torch.from_numpy(unit(f"c{h}", c.numel())).reshape(c.shape)))

    def embed(self, *views):
        return normalize(self.projector(torch.cat([self.encoder(x) for x in views])))

    def run(self, name, b):
        if name == "fill_memory":
            for i in range(self.options["banks"]):
                self.bank(i)[b.indices] = self.embed(b.views[i])
            return
        for h in range(self.heads):
            rows = self.bank(h % self.options["banks"])
            draws = random(b.key, f"deepcluster.{h}", len(rows))
            first = torch.argsort(draws, descending=True, stable=True)
            centres = rows[first[: len(self.prototypes(h))]].clone()
            for _ in range(10):
                nearest = (rows @ centres.t()).argmax(1)
                for k in range(len(centres)):
                    if (nearest == k).any():
                        centres[k] = normalize(rows[nearest == k].mean(0))
            self.assignments[:, h] = (rows @ centres.t()).argmax(1).int()
            self.prototypes(h).copy_(centres)

    def loss(self, b):
        self.z = self.embed(torch.cat(b.views[:2]), torch.cat(b.views[2:]))
        total = 0
        for h in range(self.heads):
            target = self.assignments[b.indices, h].long().repeat(len(b.views))
            scores = self.z @ self.prototypes(h).t() / 0.1
            total = total + torch.nn.functional.cross_entropy(scores, target) / self.heads
        return total

    def after(self, b):
        for i, z in enumerate(self.z.chunk(len(b.views))[: self.options["banks"]]):
            self.bank(i)[b.indices] = z.detach()


def one():
    return DeepCluster(prototypes=[6], banks=1)


main(__file__, {"deepcluster": DeepCluster, "deepcluster_one": one})
