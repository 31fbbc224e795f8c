# SPDX-License-Identifier: Apache-2.0
"""MoCo v3 (Chen et al. 2021, algorithm 1): golden numbers of plugins/methods/moco_v3.c."""
import math

import torch
from common import Follower, Head, Method, average, main, normalize


def keep(step):
    """The official code's, of the steps' share: applied before the keys of that step."""
    return 1 - (1 - 0.9) * (1 + math.cos(math.pi * step / Method.total_steps)) / 2


class MoCoV3(Method):
    plugin = "moco_v3"
    options = dict(temperature=0.5, keep=0.9, final_keep=1.0, head="resnet", hidden=24, output=12)
    scheduled = {"key.keep": lambda step: keep(step + 1)}

    def build(self):
        vit = self.options["head"] == "vit"
        self.projector = Head(self.width, 3 if vit else 2, 24, 12, last_norm="plain")
        self.predictor = Head(12, 2, 24, 12, last_norm="plain" if vit else "none")
        self.key = Follower(self, "encoder", "projector")

    def loss(self, b):
        q = [normalize(self.predictor(self.projector(self.encoder(x)))) for x in b.views]
        with torch.no_grad():
            k = [normalize(self.key.projector(self.key.encoder(x))) for x in b.views]
        t, own = self.options["temperature"], torch.arange(len(q[0]))
        terms = [
            torch.nn.functional.cross_entropy(q[i] @ k[1 - i].t() / t, own) for i in (0, 1)
        ]
        return 2 * t * sum(terms)

    def after(self, b):
        # What the official code does before the keys of the next step.
        average(self.key, self, keep(b.step + 1))


main(__file__, {"moco_v3": MoCoV3, "moco_v3_vit": lambda: MoCoV3(head="vit")})
