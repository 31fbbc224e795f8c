#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole SimCLR step of 64 pairs at 64 px, kindred and PyTorch side by side in one sitting.

    bench/step.sh [--kindred build/kindred] [--rounds 3] [--depths 18,50] [--types f32,bf16]

kindred: bench/step.yaml (augmentation, forward, backward, LARS), times from its metrics.jsonl.
PyTorch: the same network, head, loss and LARS on random images already in memory, augmentation left
out; channels_last, all threads, torch.autocast for bf16. Rounds alternate between the two, each in a
process of its own; the first steps of each are dropped. Prints a Markdown table of medians, then one
line of JSON with every number, the machine and the date.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

CONFIG = pathlib.Path(__file__).with_name("step.yaml")
PAIRS, SIDE, DROPPED = 64, 64, 4


def torch_steps(depth, dtype, steps, threads):
    """Runs in the child: seconds of each step."""
    import torch
    from peer import LARS, SimCLR, encoder, nt_xent

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = SimCLR(encoder(depth, "imagenet"), 2048, 128)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = LARS(model.parameters(), lr=0.3, weight_decay=1e-6)
    images = torch.randn(2 * PAIRS, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(steps):
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bf16"):
            z = model(images)
        loss = nt_xent(z, 0.2)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - began)
    return seconds


def watch(command, **options):
    """Runs a command -> its output, the peak of its anonymous memory in MiB (sampled)."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    peak = 0
    while child.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            fields = dict(line.split(":", 1) for line in status.splitlines())
            peak = max(peak, int(fields["RssAnon"].split()[0]))
        except (OSError, KeyError):
            pass
        time.sleep(0.05)
    output = child.stdout.read()
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit status {child.returncode}")
    return output, peak / 1024


def run_torch(a, depth, dtype):
    command = [sys.executable, __file__, "--child", str(depth), dtype, "--steps", str(a.steps)]
    output, peak = watch([*command, "--threads", str(a.threads)])
    return json.loads(output)[DROPPED:], peak


def run_kindred(a, depth, dtype):
    with tempfile.TemporaryDirectory() as folder:
        settings = [
            f"backbone.depth={depth}",
            f"precision={dtype}",
            f"train.steps={a.steps}",
            f"device={{plugin: cpu, threads: {a.threads}}}",
        ]
        command = [a.kindred, "train", str(CONFIG), *settings, "--runs", folder]
        _, peak = watch(command, stderr=subprocess.DEVNULL)
        lines = (pathlib.Path(folder) / "step/metrics.jsonl").read_text().splitlines()
    rates = [line["views_per_second"] for line in map(json.loads, lines) if "loss" in line]
    return [2 * PAIRS / r for r in rates][DROPPED:], peak


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def compare(a, depth, dtype):
    """One row: milliseconds of every counted step of every round, and the peaks."""
    row = {"depth": depth, "type": dtype, "kindred_ms": [], "torch_ms": []}
    row["kindred_mib"], row["torch_mib"] = 0, 0
    for _ in range(a.rounds):
        for name, run in (("kindred", run_kindred), ("torch", run_torch)):
            seconds, peak = run(a, depth, dtype)
            row[f"{name}_ms"] += [round(1000 * s, 1) for s in seconds]
            row[f"{name}_mib"] = max(row[f"{name}_mib"], round(peak))
    for name in ("kindred", "torch"):
        row[name] = statistics.median(row[f"{name}_ms"])
    row["ratio"] = row["torch"] / row["kindred"]
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--kindred", default="build/kindred")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=14)
    p.add_argument("--depths", default="18,50")
    p.add_argument("--types", default="f32,bf16")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--child", nargs=2, metavar=("DEPTH", "TYPE"), help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        print(json.dumps(torch_steps(int(a.child[0]), a.child[1], a.steps, a.threads)))
        return
    rows = []
    print(f"{machine()}; {a.threads} threads; {datetime.date.today()}; medians\n")
    print("| ResNet | type | kindred ms | PyTorch ms | ratio | kindred MiB | PyTorch MiB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for depth in map(int, a.depths.split(",")):
        for dtype in a.types.split(","):
            r = compare(a, depth, dtype)
            rows.append(r)
            print(
                f"| {depth} | {dtype} | {r['kindred']:.0f} | {r['torch']:.0f} | "
                f"{r['ratio']:.2f} | {r['kindred_mib']} | {r['torch_mib']} |",
                flush=True,
            )
    import torch

    about = {"machine": machine(), "date": str(datetime.date.today()), "threads": a.threads}
    print("\n" + json.dumps({**about, "torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
