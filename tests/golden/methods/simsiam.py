# SPDX-License-Identifier: Apache-2.0
"""SimSiam (Chen and He 2021, algorithm 1): golden numbers of plugins/methods/simsiam.c."""
from common import Head, Method, main, normalize


class SimSiam(Method):
    plugin = "simsiam"
    options = dict(layers=3, hidden=24, output=16, bottleneck=8, fix_predictor_lr=True)

    def build(self):
        o = self.options
        self.projector = Head(
            self.width, o["layers"], o["hidden"], o["output"], last_norm="plain"
        )
        self.predictor = Head(
            o["output"], hidden=o["bottleneck"], output=o["output"], last_bias=True
        )

    def loss(self, b):
        z1, z2 = (self.projector(self.encoder(x)) for x in b.views)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return distance(p1, z2) / 2 + distance(p2, z1) / 2

    def rule(self, name):
        fixed = self.options["fix_predictor_lr"] and name.startswith("predictor")
        return dict(constant_lr=True) if fixed else {}


def distance(p, z):
    return -(normalize(p) * normalize(z.detach())).sum(dim=1).mean()


main(
    __file__,
    {
        "simsiam": SimSiam,
        "simsiam_cifar": lambda: SimSiam(layers=2, hidden=0, fix_predictor_lr=False),
    },
)
