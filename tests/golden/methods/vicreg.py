# SPDX-License-Identifier: Apache-2.0
"""VICReg (Bardes et al. 2022, equations 1 to 6): golden numbers of plugins/methods/vicreg.c."""
import torch
from common import Head, Method, main


class VICReg(Method):
    plugin = "vicreg"
    options = dict(scaling="official", hidden=24, output=16)
    optimizer = dict(name="sgd", lr=2e-5, decay=1e-3, momentum=0.9)
    samples, total = 16, 40  # fewer rows make its hinges a matter of rounding

    def build(self):
        if self.options["scaling"] == "paper":  # whose loss is as large as the width
            self.optimizer = dict(self.optimizer, lr=5e-6)
        self.projector = Head(self.width, 3, 24, self.options["output"], hidden_bias=True)

    def loss(self, b):
        z1, z2 = (self.projector(self.encoder(x)) for x in b.views)
        squared = (z1 - z2).pow(2)
        distance = {
            "official": squared.mean(),
            "solo": squared.mean(),
            "paper": squared.sum(1).mean(),
        }
        hinges = torch.stack([hinge(z1), hinge(z2)])
        variance = hinges.mean() if self.options["scaling"] == "official" else hinges.sum()
        covariance = off_diagonal(z1) + off_diagonal(z2)
        return 25 * distance[self.options["scaling"]] + 25 * variance + covariance


def hinge(z):
    return torch.clamp(1 - torch.sqrt(torch.var(z, dim=0, unbiased=True) + 1e-4), min=0).mean()


def off_diagonal(z):
    c = torch.cov(z.t())
    return c[~torch.eye(len(c), dtype=torch.bool)].pow(2).sum() / len(c)


main(
    __file__,
    {
        "vicreg": VICReg,
        "vicreg_solo": lambda: VICReg(scaling="solo"),
        "vicreg_paper": lambda: VICReg(scaling="paper"),
        "vicreg_wide": lambda: VICReg(output=40),
    },
)
