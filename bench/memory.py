#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak anonymous memory as `kindred plan` predicts it against the peak of the run itself.

    bench/memory.py RUN.yaml [--kindred build/kindred] [--with "key=value ..."] ... [key=value ...]

Each --with is one row: the run with these keys besides the common ones (give few train.steps). The
peak is sampled from /proc/PID/status every 10 ms. Prints a Markdown table, then one line of JSON.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time


def predict(a, keys):
    out = subprocess.run([a.kindred, "plan", a.run, *keys], stdout=subprocess.PIPE, text=True)
    if out.returncode:
        sys.exit(f"kindred plan: exit status {out.returncode}")
    return float(re.search(r"peak, predicted\s+([\d.]+)", out.stdout).group(1))


def measure(a, keys):
    """-> the most RssAnon that was seen, in MiB."""
    peak = 0
    with tempfile.TemporaryDirectory() as folder:
        command = [a.kindred, "train", a.run, *keys, "--runs", folder]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
                peak = max(peak, int(re.search(r"RssAnon:\s*(\d+)", status).group(1)))
            except (OSError, AttributeError):
                pass
            time.sleep(0.01)
    if child.returncode:
        sys.exit(f"kindred train {' '.join(keys)}: exit status {child.returncode}")
    return peak / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("run")
    p.add_argument("keys", nargs="*")
    p.add_argument("--kindred", default="build/kindred")
    p.add_argument("--with", dest="rows", action="append", default=[])
    a = p.parse_intermixed_args()
    print("| setting | predicted | measured | |\n|---|---|---|---|")
    rows = []
    for row in a.rows or [""]:
        keys = [*a.keys, *shlex.split(row)]
        predicted, measured = predict(a, keys), measure(a, keys)
        error = 100 * (predicted / measured - 1)
        print(f"| {row or 'as it is'} | {predicted:.1f} MiB | {measured:.1f} MiB | {error:+.1f} % |",
              flush=True)
        rows.append({"with": row, "predicted": predicted, "measured": round(measured, 1)})
    print(json.dumps({"run": a.run, "keys": a.keys, "rows": rows}))


if __name__ == "__main__":
    main()
