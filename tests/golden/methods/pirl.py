# SPDX-License-Identifier: Apache-2.0
"""PIRL (Misra and van der Maaten 2020, equations 3 to 5; NCE as vissl has it): golden numbers of
plugins/methods/pirl.c."""
import torch
from common import Head, Method, main, normalize, random, unit


class Memory(torch.nn.Module):
    def __init__(self, samples, width):
        super().__init__()
        self.rows = torch.nn.Parameter(torch.zeros(samples, width), requires_grad=False)


class Pirl(Method):
    plugin = "pirl"
    options = dict(temperature=0.3, loss="nce", negatives=8, draw="batch", grid=2, patch=4,
                   layers=1, output=12, start="random")  # fmt: skip
    sizes, sides = [8, 13], [0, 1]
    programs = {"fill_memory": "start"}
    over_samples = ("fill_memory",)
    optimizer = dict(Method.optimizer, lr=0.0005)

    def build(self):
        o = self.options
        like = dict(output=12, norm=False, hidden_bias=True, last_bias=True)
        self.image = Head(self.width, o["layers"], **like)
        self.patch = Head(self.width, o["layers"], **like)
        self.jigsaw = torch.nn.Linear(o["grid"] ** 2 * 12, 12)
        self.memory = Memory(self.total, 12)
        if o["loss"] == "nce":
            self.memory.register_buffer("constant", torch.zeros(()))

    def begin(self):
        rows = self.memory.rows
        rows.copy_(normalize(torch.from_numpy(unit("memory", rows.numel())).reshape(rows.shape)))

    def see(self, images):
        return normalize(self.image(self.encoder(images)))

    def run(self, name, b):
        if self.options["start"] == "features":
            self.memory.rows[b.indices] = self.see(b.views[0])

    def cut(self, b, images):
        grid, side = self.options["grid"], self.options["patch"]
        n, cells, pitch = len(images), grid * grid, images.shape[2] // grid
        order = torch.argsort(
            random(b.key, "jigsaw.order", n, cells), dim=1, descending=True, stable=True
        )
        y = (random(b.key, "jigsaw.y", n, cells) * (pitch - side)).floor().int()
        x = (random(b.key, "jigsaw.x", n, cells) * (pitch - side)).floor().int()
        patches = []
        for i in range(n):
            for j in range(cells):
                cell = int(order[i, j])
                top = cell // grid * pitch + int(y[i, j])
                left = cell % grid * pitch + int(x[i, j])
                patches.append(images[i, :, top : top + side, left : left + side])
        return torch.stack(patches)

    def contrast(self, b, v, name):
        o, n = self.options, len(v)
        count = n * o["negatives"] if o["draw"] == "sample" else o["negatives"]
        if o["negatives"] < self.total:
            others = (random(b.key, name, count) * self.total).long()
            others = others.reshape(n, -1) if o["draw"] == "sample" else others.expand(n, -1)
        else:
            others = torch.arange(self.total).expand(n, -1)
        rows = self.memory.rows[torch.cat([b.indices[:, None], others], 1)]
        scores = torch.einsum("nkd,nd->nk", rows, v) / o["temperature"]
        if o["loss"] == "cross_entropy":
            return torch.nn.functional.cross_entropy(scores, torch.zeros(n, dtype=torch.long))
        e, k = torch.exp(scores), others.shape[1]
        if self.constant is None:
            kept = float(self.memory.constant)
            self.constant = kept if kept > 0 else e.mean().item() * self.total
        p, noise, eps = e / self.constant, k / self.total, 2.0**-23
        data = torch.log(p[:, 0] / (p[:, 0] + noise + eps)).sum()
        return -(data + torch.log(noise / (p[:, 1:] + noise + eps)).sum()) / n

    def loss(self, b):
        self.constant = None
        n = len(b.indices)
        patches = self.patch(self.encoder(self.cut(b, b.views[1])))
        patches = normalize(self.jigsaw(patches.reshape(n, -1)))
        image = self.see(b.views[0])
        self.seen = image.detach()
        of_patches = self.contrast(b, patches, "pirl.patches")
        return 0.5 * of_patches + 0.5 * self.contrast(b, image, "pirl.image")

    def after(self, b):
        rows = self.memory.rows
        rows[b.indices] = normalize(0.5 * rows[b.indices] + 0.5 * self.seen)
        if self.constant is not None:
            self.memory.constant.fill_(self.constant)


def mlp():
    return Pirl(loss="cross_entropy", layers=2, draw="sample", temperature=0.1)


def whole():
    return Pirl(negatives=32000)


def filled():
    return Pirl(loss="cross_entropy", temperature=0.1, start="features")


main(__file__, {"pirl": Pirl, "pirl_mlp": mlp, "pirl_whole": whole, "pirl_filled": filled})
