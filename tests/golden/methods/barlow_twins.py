# SPDX-License-Identifier: Apache-2.0
"""Barlow Twins (Zbontar et al. 2021, algorithm 1): golden numbers of plugins/methods/barlow_twins.c."""
import torch
from common import Head, Method, Norm, main


class BarlowTwins(Method):
    plugin = "barlow_twins"
    options = {"lambda": 0.0051, "scale": 1.0, "deviation": "biased", "hidden": 24, "output": 16}
    optimizer = dict(name="sgd", lr=5e-6, decay=1e-3, momentum=0.9)

    def build(self):
        self.projector = Head(self.width, 3, 24, self.options["output"])
        if self.options["deviation"] == "biased":
            self.norm = Norm(self.options["output"], scale=False, shift=False)

    def standardize(self, z):
        if self.options["deviation"] == "biased":
            return self.norm(z)
        return (z - z.mean(0)) / z.std(0)

    def loss(self, b):
        a, c = (self.standardize(self.projector(self.encoder(x))) for x in b.views)
        correlation = torch.einsum("ni,nj->ij", a, c) / len(a)
        squares = (correlation - torch.eye(len(correlation))).pow(2)
        weight = torch.full(squares.shape, self.options["lambda"], dtype=torch.float64)
        weight.fill_diagonal_(1)
        return (squares * weight).sum() * self.options["scale"]


main(
    __file__,
    {
        "barlow_twins": BarlowTwins,
        "barlow_twins_paper": lambda: BarlowTwins(
            **{"lambda": 0.01, "scale": 0.1, "deviation": "unbiased"}
        ),
        "barlow_twins_narrow": lambda: BarlowTwins(output=12),
    },
)
