# SPDX-License-Identifier: Apache-2.0
"""MoCo v2 (Chen et al. 2020; He et al. 2020, equation 1): golden numbers of plugins/methods/moco.c."""
import torch
from common import Follower, Head, Method, average, main, normalize, ramp, random, stream, unit


class MoCo(Method):
    plugin = "moco"
    options = dict(loss="one_way", temperature=0.2, keep=0.9, final_keep=0.95, queue=10, split=1,
                   layers=2, hidden=24, output=12)  # fmt: skip
    scheduled = {"key.keep": ramp(0.9, 0.95, 0, Method.total_steps, cosine=True)}
    programs = {"unit_queue": "start"}

    def build(self):
        o = self.options
        like = dict(norm=False, hidden_bias=True, last_bias=True)
        self.projector = Head(self.width, o["layers"], o["hidden"], o["output"], **like)
        self.key = Follower(self, "encoder", "projector")
        self.queues = ["queue0", "queue1"] if o["loss"] == "mean" else ["queue"]
        for name in self.queues:
            queue = torch.nn.Module()
            queue.register_buffer("rows", torch.zeros(o["queue"], o["output"]))
            queue.register_buffer("next", torch.zeros(1, dtype=torch.int32))
            self.add_module(name, queue)

    def begin(self):
        for name in self.queues:
            rows = getattr(self, name).rows
            rows.copy_(torch.from_numpy(unit(name, rows.numel())).reshape(rows.shape))

    def run(self, name, b):
        for queue in self.queues:
            rows = getattr(self, queue).rows
            rows.copy_(normalize(rows))

    def embed(self, net, x):
        parts = [net.encoder(part) for part in x.chunk(self.options["split"])]
        return normalize(net.projector(torch.cat(parts)))

    @torch.no_grad()
    def answer(self, b, view):
        x = b.views[view]
        if self.options["split"] == 1:
            return self.embed(self.key, x)
        draws = random(b.key, (stream("moco.shuffle") + view) % 2**32, len(x))
        order = torch.argsort(draws, descending=True, stable=True)
        keys = self.embed(self.key, x[order])
        return keys[torch.argsort(order)]

    def info_nce(self, q, k, queue):
        positive = torch.einsum("nc,nc->n", q, k)[:, None]
        negative = torch.einsum("nc,kc->nk", q, queue.rows)
        logits = torch.cat([positive, negative], 1) / self.options["temperature"]
        return torch.nn.functional.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))

    def loss(self, b):
        if self.options["loss"] == "one_way":
            q = self.embed(self, b.views[0])
            self.new = [self.answer(b, 1)]
            return self.info_nce(q, self.new[0], self.queue)
        q = [self.embed(self, x) for x in b.views]
        k = [self.answer(b, 1), self.answer(b, 0)][::-1]
        queue = [getattr(self, name) for name in self.queues]
        there = self.info_nce(q[0], k[1], queue[-1])
        back = self.info_nce(q[1], k[0], queue[0])
        both = self.options["loss"] == "sum"
        self.new = [torch.cat(k)] if both else k
        return there + back if both else (there + back) / 2

    def after(self, b):
        average(self.key, self, self.scheduled["key.keep"](b.step))
        for name, keys in zip(self.queues, self.new):
            queue = getattr(self, name)
            for row in keys:
                queue.rows[int(queue.next)] = row
                queue.next.copy_((queue.next + 1) % len(queue.rows))


main(
    __file__,
    {
        "moco": MoCo,
        "moco_mean": lambda: MoCo(loss="mean", layers=1),
        "moco_split": lambda: MoCo(loss="sum", queue=20, split=2),
    },
)
