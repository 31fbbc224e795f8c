# SPDX-License-Identifier: Apache-2.0
"""BYOL (Grill et al. 2020, equations 2 and 3): golden numbers of plugins/methods/byol.c."""
from common import Follower, Head, Method, average, main, normalize, ramp


class Byol(Method):
    plugin = "byol"
    options = dict(hidden=24, output=12, keep=0.9, final_keep=1.0, loss="sum")
    scheduled = {"target.keep": ramp(0.9, 1, 0, Method.total_steps, cosine=True)}

    def build(self):
        like = dict(hidden=24, output=12, hidden_bias=True, last_bias=True)
        self.projector = Head(self.width, **like)
        self.predictor = Head(12, **like)
        self.target = Follower(self, "encoder", "projector")

    def loss(self, b):
        # One view at a time: that is what every norm sees.
        p = [self.predictor(self.projector(self.encoder(x))) for x in b.views]
        z = [self.target.projector(self.target.encoder(x)).detach() for x in b.views]
        cosine = [(normalize(p[i]) * normalize(z[1 - i])).sum(1).mean() for i in (0, 1)]
        total = sum(2 - 2 * c for c in cosine)
        return total / 2 if self.options["loss"] == "mean" else total

    def after(self, b):
        average(self.target, self, self.scheduled["target.keep"](b.step))


main(__file__, {"byol": Byol, "byol_mean": lambda: Byol(loss="mean")})
