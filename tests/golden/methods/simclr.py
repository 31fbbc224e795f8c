# SPDX-License-Identifier: Apache-2.0
"""SimCLR (Chen et al. 2020, equation 1): golden numbers of plugins/methods/simclr.c. What its heads
and optimizers do is in make_golden.py's files."""
import torch
from common import Head, Method, main, normalize


class Simclr(Method):
    plugin = "simclr"
    options = dict(hidden=24, output=12, temperature=0.3, head="google", loss="sum")
    sizes = [8, 8, 8]

    def build(self):
        layers = dict(layers=3, hidden=24, output=12, last_norm="no_shift")
        self.projector = Head(self.width, **layers)

    def loss(self, b):
        n = len(b.views[0])
        z = normalize(self.projector(self.encoder(torch.cat(b.views))))
        image = torch.arange(len(z)) % n
        s = (z @ z.t() / 0.3).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
        log_p = s - s.logsumexp(1, keepdim=True)
        positive = (image[:, None] == image) & ~torch.eye(len(z), dtype=torch.bool)
        return -2 * log_p[positive].mean()


main(__file__, {"simclr": Simclr})
