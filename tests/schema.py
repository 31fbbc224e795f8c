# SPDX-License-Identifier: Apache-2.0
# `kindred schema` is a sound JSON Schema that agrees with kindred itself: all examples are valid, and
# of small changes to one of them the schema refuses what kindred refuses and allows what it allows.
# schema.py SOURCE KINDRED
import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}; install python3-jsonschema and python3-yaml")
    sys.exit(77)

source, kindred = (os.path.abspath(path) for path in sys.argv[1:])


class Core(yaml.SafeLoader):
    """YAML 1.2's numbers: 1e-3 is one."""


Core.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)

# Where, and what stands there; then what both refuse, and what both allow. None: the key is taken out.
WRONG = [
    ("sed", 2),
    ("seed", -1),
    ("seed", 1.5),
    ("seed", "one"),
    ("seed", 3000000000),
    ("precision", "f16"),
    ("device", "cpu"),
    ("device", {"plugin": "cpu", "thread": 1}),
    ("device", {"plugin": "tpu"}),
    ("data", {"path": "here"}),
    ("data.plugin", "cifr"),
    ("data.kinds", 0),
    ("data.kindz", 8),
    ("data.temperature", 0.5),
    ("data.pairs", {"arm": "both"}),
    ("data.store", {"width": 96}),
    ("views", None),
    ("views", []),
    ("views.0.size", None),
    ("views.0.recipe", "simclr"),
    ("views.0.ops", ["flip"]),
    ("views.0.ops", ["resize", "resize"]),
    ("views.0.ops", [{"random_resized_crop": {"scale": [0.4]}}]),
    ("views.0.ops", ["resize", {"flip": 1.5}]),
    ("views.0.ops", ["resize", {"flop": 0.5}]),
    ("views.0.normalize", "imagnet"),
    ("backbone.depth", 19),
    ("backbone.plugin", None),
    ("method", None),
    ("method.temperature", 0),
    ("method.hidden", "wide"),
    ("method.hidden", True),
    ("optimizer.lr", None),
    ("optimizer.name", "adam"),
    ("schedule.milestones", [1, -1]),
    ("schedule.milestones", 3),
    ("train.batch", 1),
    ("evals", {"plugin": "knn"}),
    ("evals.0.k", 0),
    ("evals.0.learning_rates", [0.1]),
    ("evals.0.test", {"plugin": "cifar", "pth": "x"}),
]
RIGHT = [
    ("name", 7),
    ("seed", 2147483647),
    ("device", "auto"),
    ("device", {"plugin": "cpu", "threads": 1}),
    ("data.plugin", "synthetic@1.0.0"),
    ("data.store", {"size": 96}),
    ("data.pairs", {"arm": "augmented"}),
    ("views.0.ops", [{"resize": None}, {"flip": 0.1}, {"rotate": 5}, "solarize"]),
    ("views.0.normalize", {"mean": [0.5], "std": [0.2]}),
    ("backbone.depth", "18"),
    ("optimizer.lr", 1),
    ("schedule", None),
    ("schedule.milestones", [1, 2.5]),
    ("evals", []),
    ("evals", None),
]

# The same of files that include another, which has what they lack.
INCLUDES = [
    ({"optimizer": {"momentum": 0.5}, "method": {"temperature": 0.2}}, True),
    ({"backbone": {"plugin": "resnet", "depth": 18}, "evals": []}, True),
    ({"optimizer": {"momentm": 0.5}}, False),
    ({"views": [{"size": 24}]}, False),
    ({"evals": [{"k": 3}]}, False),
]


def changed(document, where, value):
    """A copy in which the key `where` (a.b.0.c) is set, or taken out."""
    document = copy.deepcopy(document)
    *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
    at = document
    for key in path:
        at = at[key]
    if value is None:
        at.pop(last)
    else:
        at[last] = value
    return document


def kindred_takes(document, tiny):
    """Whether kindred would run it, and what it says if not."""
    with tempfile.TemporaryDirectory() as folder:
        for name, what in (("run.yaml", document), ("tiny.yaml", tiny)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                json.dump(what, out)  # JSON is YAML
        done = subprocess.run([kindred, "plan", "run.yaml", "--no-user-plugins"], cwd=folder,
                              env={**os.environ, "XDG_CACHE_HOME": folder}, capture_output=True,
                              text=True, check=False)
    return done.returncode == 0, done.stderr


def check(validator, tiny, document, what, right):
    says = [error.message for error in validator.iter_errors(document)]
    taken, why = kindred_takes(document, tiny)
    if right and (says or not taken):
        return [f"{what} is right, but: {says} {why}"]
    if not right and (not says or taken):
        return [f"{what} is wrong, but schema says {says}, kindred {why or 'nothing'}"]
    return []


def main():
    text = subprocess.run([kindred, "schema", "--no-user-plugins"], check=True,
                          capture_output=True, text=True).stdout
    schema = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    faults = []
    files = glob.glob(f"{source}/examples/*.yaml") + glob.glob(f"{source}/examples/methods/*.yaml")
    files = [path for path in files if not os.path.basename(path).startswith("study-")]
    for file in files:
        with open(file, encoding="utf-8") as opened:
            document = yaml.load(opened, Core)
        faults += [f"{file}: {error.json_path}: {error.message}"
                   for error in validator.iter_errors(document)]
        if file.endswith("/tiny.yaml"):
            tiny = document
    tiny["data"].update(count=64, size=16)
    tiny["train"]["batch"] = 16
    for cases, right in ((WRONG, False), (RIGHT, True)):
        for where, value in cases:
            faults += check(validator, tiny, changed(tiny, where, value), f"{where}={value}", right)
    for document, right in INCLUDES:
        document["include"] = "tiny.yaml"
        faults += check(validator, tiny, document, document, right)
    print(f"{len(files)} examples, {len(WRONG)} wrong and {len(RIGHT)} right changes, "
          f"{len(INCLUDES)} files that include another")
    for fault in faults:
        print(fault)
    return 1 if faults or len(files) < 20 else 0


sys.exit(main())
