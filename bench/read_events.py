# SPDX-License-Identifier: Apache-2.0
"""Reads a run's event files by TensorBoard's own reader and compares them with metrics.jsonl.

    bench/tensorboard.sh                (trains, kills, resumes, and runs this; in a venv of its own)
    python3 bench/read_events.py RUN
"""
import json
import math
import pathlib
import sys

import tensorboard
from tensorboard.backend.event_processing import event_accumulator


def lines(path):
    """(tag, step, value) of every number, named as core/train/events.h says."""
    for text in path.read_text().splitlines():
        line = json.loads(text)
        for key, value in line.items():
            if key == "step" or not isinstance(value, (int, float)):
                continue
            if "eval" in line:
                if key in ("value", "seconds"):
                    continue
                of = "" if line["of"] == "trained encoder" else f" ({line['of']})"
                yield f"eval/{line['eval']}/{key}{of}", line["step"], value
            else:
                yield f"train/{key}", line["step"], value


run = pathlib.Path(sys.argv[1])
reader = event_accumulator.EventAccumulator(str(run), size_guidance={event_accumulator.SCALARS: 0})
reader.Reload()
read = {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
want = {}
for tag, step, value in lines(run / "metrics.jsonl"):
    want.setdefault(tag, []).append((step, value))
if set(read) != set(want):
    sys.exit(f"TensorBoard reads {sorted(read)}, metrics.jsonl has {sorted(want)}")
for tag in want:
    if [step for step, _ in read[tag]] != [step for step, _ in want[tag]]:
        sys.exit(f"{tag}: other steps than in metrics.jsonl, or another order")
    for (step, is_), (_, value) in zip(read[tag], want[tag]):
        # events hold f32, metrics.jsonl nine digits of a double
        if not math.isclose(is_, value, rel_tol=2 ** -22):
            sys.exit(f"{tag} of step {step}: TensorBoard reads {is_}, metrics.jsonl has {value}")
files = len(list(run.glob("events.out.tfevents.*")))
print(f"TensorBoard {tensorboard.__version__} reads {sum(map(len, read.values()))} numbers of "
      f"{len(read)} tags from {files} files as metrics.jsonl has them")
