# SPDX-License-Identifier: Apache-2.0
"""SwAV (Caron et al. 2020, section 3 and algorithm 1): golden numbers of plugins/methods/swav.c."""
import torch
from common import Head, Method, main, normalize, ramp, unit


class Swav(Method):
    plugin = "swav"
    options = dict(prototypes=7, hidden=24, output=12, freeze_epochs=0, freeze_steps=2)
    sizes, sides = [8, 8, 6, 6, 6], [0, 0, 1, 1, 1]
    used_from = None  # the step from which the queue takes part

    def build(self):
        o = self.options
        self.projector = Head(self.width, 2, 24, 12, hidden_bias=True, last_bias=True)
        self.prototypes = torch.nn.Linear(12, o["prototypes"], bias=False)
        self.scheduled = {"prototypes_active": ramp(0, 1, 2, 2)}
        if o.get("rows") == "biased":
            self.prototype_bias = torch.nn.Module()
            self.prototype_bias.bias = torch.nn.Parameter(torch.zeros(o["prototypes"]))
        if "queue" in o:
            self.scheduled["queue_used"] = ramp(0, 1, self.used_from, self.used_from)
            for name in ("queue0", "queue1"):
                queue = torch.nn.Module()
                queue.register_buffer("rows", torch.zeros(o["queue"], 12))
                queue.register_buffer("next", torch.zeros(1, dtype=torch.int32))
                self.add_module(name, queue)

    def begin(self):
        for name in ("queue0", "queue1") if "queue" in self.options else ():
            rows = getattr(self, name).rows
            rows.copy_(torch.from_numpy(unit(name, rows.numel())).reshape(rows.shape))

    def rule(self, name):
        if not name.startswith("prototype"):
            return {}
        unit_rows = name == "prototypes.weight" and self.options.get("rows") != "weight_norm"
        return dict(unit_rows=unit_rows, active=self.scheduled["prototypes_active"])

    def score(self, z):
        c = self.prototypes.weight
        if self.options.get("rows") == "weight_norm":
            c = c / c.norm(dim=1, keepdim=True)
        s = z @ c.t()
        return s + self.prototype_bias.bias if self.options.get("rows") == "biased" else s

    @torch.no_grad()
    def codes(self, z, queue, step):
        scores = self.score(z)
        if queue is not None and step >= self.used_from:
            scores = torch.cat([self.score(queue.rows), scores])
        q = torch.exp(scores / 0.05).t()
        q /= q.sum()
        k, n = q.shape
        for _ in range(3):
            q /= q.sum(1, keepdim=True) * k
            q /= q.sum(0, keepdim=True) * n
        return (q * n).t()[-len(z) :]

    def loss(self, b):
        big, small = torch.cat(b.views[:2]), torch.cat(b.views[2:])
        features = torch.cat([self.encoder(big), self.encoder(small)])
        z = normalize(self.projector(features)).chunk(len(b.views))
        queues = [getattr(self, f"queue{i}", None) for i in (0, 1)]
        self.new, total = [z[0].detach(), z[1].detach()], 0
        for i in (0, 1):
            q = self.codes(z[i], queues[i], b.step)
            for v in range(len(z)):
                if v != i:
                    log_p = torch.log_softmax(self.score(z[v]) / 0.1, 1)
                    total = total - (q * log_p).sum(1).mean() / (len(z) - 1) / 2
        return total

    def after(self, b):
        for i in (0, 1) if "queue" in self.options else ():
            queue = getattr(self, f"queue{i}")
            for row in self.new[i]:
                queue.rows[int(queue.next)] = row
                queue.next.copy_((queue.next + 1) % len(queue.rows))


class Late(Swav):
    """The queue begins to fill at epoch 1, step 3, and is full two batches later."""

    used_from = 5


class Early(Swav):
    used_from = 6


def late():
    return Late(rows="biased", queue=12, queue_epochs=1, queue_fill="late")


def early():
    return Early(rows="weight_norm", queue=15, queue_epochs=2, queue_fill="early")


main(__file__, {"swav": Swav, "swav_queue": late, "swav_solo": early})
