# SPDX-License-Identifier: Apache-2.0
"""NNCLR (Dwibedi et al. 2021, equations 2 to 4): golden numbers of plugins/methods/nnclr.c."""
import torch
from common import Head, Method, main, normalize, unit


class NNCLR(Method):
    plugin = "nnclr"
    options = dict(temperature=0.2, queue=10, hidden=24, output=12, predictor_hidden=16)
    programs = {"unit_queue": "start"}

    def build(self):
        like = dict(hidden_bias=True, last_bias=True)
        self.projector = Head(self.width, 3, 24, 12, last_norm="affine", **like)
        self.predictor = Head(12, 2, 16, 12, **like)
        self.queue = torch.nn.Module()
        self.queue.register_buffer("rows", torch.zeros(self.options["queue"], 12))
        self.queue.register_buffer("next", torch.zeros(1, dtype=torch.int32))
        if self.classes:
            labels = torch.full([self.options["queue"]], -1, dtype=torch.int32)
            self.queue.register_buffer("labels", labels)

    def begin(self):
        rows = self.queue.rows
        rows.copy_(torch.from_numpy(unit("queue", rows.numel())).reshape(rows.shape))

    def run(self, name, b):
        self.queue.rows.copy_(normalize(self.queue.rows))

    def loss(self, b):
        z = [self.projector(self.encoder(x)) for x in b.views]
        p = [normalize(self.predictor(x)) for x in z]
        z = [normalize(x).detach() for x in z]
        near = [
            self.queue.rows[torch.cdist(x, self.queue.rows).argmin(1)].clone() for x in z
        ]
        self.new = z[0]
        t, own = self.options["temperature"], torch.arange(len(z[0]))
        terms = [
            torch.nn.functional.cross_entropy(near[i] @ p[1 - i].t() / t, own) for i in (0, 1)
        ]
        return sum(terms) / 2

    def after(self, b):
        q = self.queue
        for row, label in zip(self.new, b.labels if self.classes else self.new):
            q.rows[int(q.next)] = row
            if self.classes:
                q.labels[int(q.next)] = label
            q.next.copy_((q.next + 1) % len(q.rows))


class Unlabelled(NNCLR):
    classes = 0


main(__file__, {"nnclr": NNCLR, "nnclr_unlabelled": Unlabelled})
