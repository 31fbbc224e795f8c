#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does every method learn, and what does its step cost? On CIFAR-10, one narrow ResNet-18, equal epochs.

    bench/methods.py --data cifar-10-binary.tar.gz [--epochs 3] [--kindred build/kindred] [METHOD ...]
    bench/methods.py --data ... --speed              # a step of each beside SimCLR's, some minutes
    bench/methods.py --report                        # the table of what has been measured so far

Each method is a run in runs/bench-METHOD and is skipped where that has ended, so a table can be made
in several sittings; a run that was cut off is resumed. Accuracy is kNN (k 200, T 0.1) on the test
images; spread is the standard deviation of the unit embeddings, times the root of their width: about
1 while they spread, 0 when they have collapsed. A method learns when it gains 3 points over its
untrained encoder and its spread is above 0.2; the report names those that do not, and fails.
"""
import argparse
import json
import math
import pathlib
import re
import statistics
import subprocess
import sys

COMMON = """name: bench-{name}
seed: 1
data: {{plugin: cifar, path: {data}}}
views:
{views}
backbone: {{plugin: resnet, depth: 18, stem: cifar, width: 16}}
method: {{plugin: {name}{options}}}
optimizer: {{{optimizer}}}
schedule: {{warmup_epochs: 0.25, decay: cosine}}
train: {{epochs: {epochs}, batch: 256, log_every: 5}}
checkpoint: {{every_epochs: 1, keep: 1}}
evals:
  - {{plugin: knn, k: 200, temperature: 0.1, before: true}}
"""
GAIN, SPREAD = 0.03, 0.2
SGD = "name: sgd, lr: 0.12, weight_decay: 5.0e-4"
ADAMW = "name: adamw, lr: 1.0e-3, weight_decay: 1.0e-4"
PLAIN = "  - {recipe: simclr_cifar, size: 32, count: 2}"
# PIRL's patches are of most of the image: four of a small crop would show nothing (its example).
JIGSAW = """  - {recipe: simclr_cifar, size: 32}
  - {size: 32, normalize: cifar10, ops: [{random_resized_crop: {scale: [0.6, 1], interpolation: bicubic}}, {flip: 0.5}, {color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}}, {grayscale: 0.2}]}"""

# method: its options, optimizer and views, where they are not the common ones. One rate for all that
# take SGD, but PIRL, which has its paper's (0.12 diverged): nothing here is tuned. PIRL's memory starts
# with features: a random one is noise to a run that sees each image three times.
METHODS = {
    "simclr": ("temperature: 0.2, hidden: 512, output: 128", SGD),
    "supcon": ("temperature: 0.1, hidden: 512, output: 128", SGD),
    "moco": ("temperature: 0.1, keep: 0.99, final_keep: 0.99, hidden: 512, output: 128", SGD),
    "moco_v3": ("temperature: 0.2, hidden: 1024, output: 128", SGD),
    "nnclr": ("temperature: 0.2, hidden: 1024, output: 128, predictor_hidden: 1024", SGD),
    "byol": ("hidden: 1024, output: 128", SGD),
    "simsiam": ("layers: 2, output: 512, bottleneck: 128", SGD),
    "barlow_twins": ("hidden: 1024, output: 1024", ADAMW),
    "vicreg": ("hidden: 1024, output: 1024", ADAMW),
    "swav": ("prototypes: 512, freeze_epochs: 0, freeze_steps: 100, hidden: 512", ADAMW),
    "deepcluster": ("prototypes: [512, 512], hidden: 512", ADAMW),
    "pirl": ("loss: cross_entropy, temperature: 0.1, negatives: 4096, layers: 2, grid: 2, start: features",
             "name: sgd, lr: 0.03, weight_decay: 1.0e-4", JIGSAW),
    "dino": ("layers: 2, hidden: 1024, bottleneck: 128, output: 2048, norm: true, keep: 0.99, "
             "freeze_epochs: 0", SGD),
}


def config_of(name, args):
    options, optimizer, *views = METHODS[name]
    return COMMON.format(name=name, options=", " + options if options else "", optimizer=optimizer,
                         views=views[0] if views else PLAIN, data=args.data, epochs=args.epochs)


def views_of(name):
    """How many views of an image a step sees."""
    entries = (METHODS[name][2] if len(METHODS[name]) > 2 else PLAIN).split("\n")
    counts = [re.search(r"count: (\d+)", entry) for entry in entries]
    return sum(int(count.group(1)) if count else 1 for count in counts)


def lines_of(folder):
    path = pathlib.Path(folder) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def width_of(name):
    """The width of the embeddings whose spread the method reports."""
    found = re.search(r"\boutput: (\d+)", METHODS[name][0])
    return int(found.group(1)) if found else 128


def result_of(name):
    """-> untrained, trained accuracy, spread, lines of steps; None where the run has not ended."""
    lines = lines_of(f"runs/bench-{name}")
    knn = {line["of"]: line["value"] for line in lines if line.get("eval") == "knn"}
    steps = [line for line in lines if "loss" in line]
    if "trained encoder" not in knn:
        return None
    spread = steps[-1]["spread"] * math.sqrt(width_of(name))
    return knn["untrained encoder"], knn["trained encoder"], spread, steps


def train(name, args):
    folder = pathlib.Path("runs") / f"bench-{name}"
    path = pathlib.Path("runs") / f"bench-{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(config_of(name, args))
    subprocess.run([args.kindred, "train", path] + (["--resume"] if folder.exists() else []),
                   check=True)


def report(names):
    """Prints the table; returns the methods that were measured and do not learn."""
    print("| method | untrained | trained | gain | loss, first to last | spread |\n|---|---|---|---|---|---|")
    idle = []
    for name in names:
        found = result_of(name)
        if not found:
            print(f"| {name} | - | - | - | - | - |")
            continue
        untrained, trained, spread, steps = found
        print(f"| {name} | {100 * untrained:.1f} % | {100 * trained:.1f} % "
              f"| {100 * (trained - untrained):+.1f} | {steps[0]['loss']:.3f} to {steps[-1]['loss']:.3f} "
              f"| {spread:.2f} |")
        if trained - untrained < GAIN or spread < SPREAD:
            idle.append(name)
    return idle


def write_speed(name, args):
    """Writes the YAML of a short run of `name`, which logs every step; returns its path."""
    path = pathlib.Path("runs") / f"speed-{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    text = config_of(name, args).split("evals:")[0].replace("bench-", "speed-")
    if args.threads:
        text += f"device: {{plugin: cpu, threads: {args.threads}}}\n"
    path.write_text(text.replace("log_every: 5", f"log_every: 1, steps: {args.steps}"))
    return path


def cost_of(path, args):
    """GFLOP and GB of a step, by `kindred plan`."""
    plan = subprocess.run([args.kindred, "plan", path], check=True, capture_output=True, text=True)
    return [next(float(line.split()[-2]) for line in plan.stdout.splitlines() if what in line)
            for what in ("arithmetic", "bytes read and written")]


def milliseconds_of(name, path, args):
    """The steps of one short run; its first ones are left out."""
    subprocess.run([args.kindred, "train", path, "--overwrite"], check=True, capture_output=True)
    rates = [line["views_per_second"] for line in lines_of(f"runs/speed-{name}")[3:]]
    return [256 * views_of(name) / rate * 1e3 for rate in rates]


def speed(names, args):
    """Rows of Markdown. Methods take turns, for some rounds, and of each the fastest step counts: on
    a machine that others use, too, equal steps differ twofold from minute to minute. `median` is that
    of all steps. `beyond` is what of a method's time, as a multiple of SimCLR's, its arithmetic, as a
    multiple of SimCLR's, does not explain: +15 % is the limit."""
    names = ["simclr"] + [name for name in names if name != "simclr"]
    paths = {name: write_speed(name, args) for name in names}
    costs = {name: cost_of(paths[name], args) for name in names}
    steps = {name: [] for name in names}
    for _ in range(args.rounds):
        for name in names:
            steps[name] += milliseconds_of(name, paths[name], args)
    print("| method | ms a step | median | GFLOP | GB | time / SimCLR's | GFLOP / SimCLR's | beyond |\n"
          "|---|---|---|---|---|---|---|---|")
    for name in names:
        (flop, gb), ms = costs[name], min(steps[name])
        time, work = ms / min(steps["simclr"]), flop / costs["simclr"][0]
        print(f"| {name} | {ms:.0f} | {statistics.median(steps[name]):.0f} | {flop:.0f} | {gb:.1f} | {time:.2f} "
              f"| {work:.2f} | {100 * (time / work - 1):+.0f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--data", default="cifar-10-binary.tar.gz")
    parser.add_argument("--kindred", default="build/kindred")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="of a run, for --speed")
    parser.add_argument("--rounds", type=int, default=8, help="runs of each method, for --speed")
    parser.add_argument("--threads", type=int, help="of the cpu, for --speed; else all")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--report", action="store_true")
    args = parser.parse_args()
    names = args.methods or list(METHODS)
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        sys.exit(f"methods.py: no such method: {', '.join(unknown)}; there are {', '.join(METHODS)}")
    if args.speed:
        speed(names, args)
        return
    for name in names:
        if not args.report and not result_of(name):
            train(name, args)
    idle = report(names)
    if idle:
        sys.exit(f"methods.py: less than {100 * GAIN:.0f} points, or collapsed: {', '.join(idle)}")


if __name__ == "__main__":
    main()
