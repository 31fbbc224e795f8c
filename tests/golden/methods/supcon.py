# SPDX-License-Identifier: Apache-2.0
"""SupCon (Khosla et al. 2020, equations 2 and 3): golden numbers of plugins/methods/supcon.c."""
import torch
from common import Head, Method, main, normalize


class SupCon(Method):
    plugin = "supcon"
    options = dict(loss="outside", temperature=0.2, layers=2, hidden=24, output=16)
    sizes = [8, 8, 8]
    classes = 3

    def build(self):
        o = self.options
        like = dict(norm=False, hidden_bias=True, last_bias=True)
        self.projector = Head(self.width, o["layers"], o["hidden"], o["output"], **like)

    def loss(self, b):
        z = normalize(self.projector(self.encoder(torch.cat(b.views))))
        classes = b.labels.repeat(len(b.views)).tolist()
        t, rows, terms = self.options["temperature"], range(len(classes)), []
        for i in rows:
            e = {a: torch.exp(z[i] @ z[a] / t) for a in rows if a != i}
            total = sum(e.values())
            p = torch.stack([e[a] / total for a in e if classes[a] == classes[i]])
            inside = self.options["loss"] == "inside"
            terms.append(-p.mean().log() if inside else -p.log().mean())
        factor = t / 0.07 if self.options["loss"] == "official" else 1
        return factor * torch.stack(terms).mean()


main(
    __file__,
    {
        "supcon": SupCon,
        "supcon_inside": lambda: SupCon(loss="inside"),
        "supcon_official": lambda: SupCon(loss="official", layers=1),
    },
)
