# SPDX-License-Identifier: Apache-2.0
# `kindred schema` is a sound JSON Schema that agrees with kindred itself: all examples are valid, and
# of small changes to one of them the schema refuses what kindred refuses and allows what it allows; and
# so is `kindred schema --study`, of studies. And the YAML of README.md and docs/ is valid.
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

# The same of a study, of runs of tiny.yaml.
STUDY = {
    "name": "study",
    "seeds": [1, 2],
    "run": {"include": "tiny.yaml"},
    "matrix": [
        {"axis": "batch", "key": "train.batch", "values": [16, 32]},
        {"axis": "method", "values": {"plain": {}, "warm": {"method": {"temperature": 0.5}}}},
    ],
    "compare": {"axis": "batch", "baseline": 32},
    "paper": [{"of": {"batch": 16, "method": "warm"}, "values": {"knn": 12.5}, "note": "none"}],
    "overrides": ["train.epochs=1"],
}
WRONG_STUDY = [
    ("sed", 2),
    ("name", "a/b"),
    ("name", "-a"),
    ("seeds", []),
    ("seeds", [1, 1]),
    ("seeds", [-1]),
    ("seeds", [3000000000]),
    ("seeds", 3),
    ("equal", "step"),
    ("run", None),
    ("run", "tiny.yaml"),
    ("run", {"include": "tiny.yaml", "optimizer": {"lr": "fast"}}),
    ("run", {"include": "tiny.yaml", "optimiser": {"lr": 1}}),
    ("run", {"include": "tiny.yaml", "method": {"plugin": "simclr", "temprature": 0.1}}),
    ("run", {"include": "tiny.yaml", "backbone": {"plugin": "resnat"}}),
    ("run", {"include": "tiny.yaml", "views": [{"size": 24}]}),
    ("run", {"include": "tiny.yaml", "evals": [{"k": 3}]}),
    ("matrix", {"axis": "batch"}),
    ("matrix.0.axis", None),
    ("matrix.0.axis", "a b"),
    ("matrix.0.key", "seed"),
    ("matrix.0.key", "train.btch"),
    ("matrix.0.key", "method.temprature"),
    ("matrix.0.values", None),
    ("matrix.0.values", []),
    ("matrix.0.values", [16, 16]),
    ("matrix.0.values", [16, "many"]),
    ("matrix.0.values", [-16]),
    ("matrix.0.values", [[16]]),
    ("matrix.0.values", {"small": 16}),
    ("matrix.0.value", [16]),
    ("matrix.1.values", ["plain"]),
    ("matrix.1.values", {}),
    ("matrix.1.values", {"a b": {}}),
    ("matrix.1.values.warm", 0.5),
    ("matrix.1.values.warm", {"metod": {"temperature": 0.5}}),
    ("matrix.1.values.warm", {"method": {"plugin": "simclr", "width": 8}}),
    ("matrix.1.values.warm", {"without": "flip"}),
    ("matrix.1.values.warm", {"without": ["flop"]}),
    ("compare.base", 32),
    ("compare", {"baseline": 32}),
    ("paper", {"values": {"knn": 12.5}}),
    ("paper.0.values", None),
    ("paper.0.values", {"knn": "good"}),
    ("paper.0.of", [16]),
    ("paper.0.notes", "none"),
    ("overrides", "train.epochs=1"),
    ("overrides", ["train.epochs"]),
    ("overrides", ["seed=3"]),
]
RIGHT_STUDY = [
    ("name", 7),
    ("equal", "epochs"),
    ("matrix.0", {"axis": "batch", "key": "method.hidden", "values": [16, 32]}),
    ("matrix.1.values", {"plain": None, "include": "values.yaml"}),
    ("matrix.1.values.warm", {"only": ["random_resized_crop"]}),
    ("paper", [{"values": {}}]),
    ("overrides", None),
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
    is_study = "axis" in json.dumps(document)
    command = ["study", "run.yaml", "--plan"] if is_study else ["plan", "run.yaml"]
    values = {"warm": {"method": {"temperature": 0.1}}}
    with tempfile.TemporaryDirectory() as folder:
        for name, what in (("run.yaml", document), ("tiny.yaml", tiny), ("values.yaml", values)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                json.dump(what, out)  # JSON is YAML
        done = subprocess.run([kindred, *command, "--no-user-plugins"], cwd=folder,
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


def open_schema(*options):
    text = subprocess.run([kindred, "schema", *options, "--no-user-plugins"], check=True,
                          capture_output=True, text=True).stdout
    schema = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def read(file):
    with open(file, encoding="utf-8") as opened:
        return yaml.load(opened, Core)


def check_examples(validator, files):
    return [f"{file}: {error.json_path}: {error.message}"
            for file in files for error in validator.iter_errors(read(file))]


def check_changes(validator, tiny, document, wrong, right):
    faults = []
    for cases, is_right in ((wrong, False), (right, True)):
        for where, value in cases:
            faults += check(validator, tiny, changed(document, where, value), f"{where}={value}",
                            is_right)
    return faults


def check_runs(tiny, files):
    validator = open_schema()
    faults = check_examples(validator, files)
    faults += check_changes(validator, tiny, tiny, WRONG, RIGHT)
    for document, right in INCLUDES:
        document["include"] = "tiny.yaml"
        faults += check(validator, tiny, document, document, right)
    print(f"{len(files)} examples, {len(WRONG)} wrong and {len(RIGHT)} right changes, "
          f"{len(INCLUDES)} files that include another")
    return faults


def check_studies(tiny, files, parts):
    """Studies, and what they include: a part of a run."""
    validator = open_schema("--study")
    part = jsonschema.Draft7Validator({**validator.schema, "properties": {},
                                       "additionalProperties": True, "required": [],
                                       "if": False, "else": {"$ref": "#/definitions/run"}})
    faults = check_examples(validator, files) + check_examples(part, parts)
    faults += check_changes(validator, tiny, STUDY, WRONG_STUDY, RIGHT_STUDY)
    print(f"{len(files)} studies and {len(parts)} parts of theirs, {len(WRONG_STUDY)} wrong and "
          f"{len(RIGHT_STUDY)} right changes")
    return faults


def parts_of_pages(pages):
    """Each top-level key of each block of YAML, but of pages whose plugin is the reader's own."""
    for page in pages:
        with open(page, encoding="utf-8") as opened:
            blocks = re.findall(r"^```yaml\n(.*?)^```", opened.read(), re.S | re.M)
        for block in blocks:
            for part in re.split(r"^(?=\w)", block, flags=re.M):
                value = yaml.load(part, Core)
                if value and "org.lab." not in block:
                    yield os.path.basename(page), "matrix:" in block, value


def check_pages(tiny, pages):
    """A key of a page stands in a document that is valid without it. Not every build has a cuda device."""
    run, study = open_schema(), open_schema("--study")
    if '"cuda"' not in json.dumps(run.schema):
        pages = [page for page in pages if not page.endswith("/cuda.md")]
    faults, count = [], 0
    for page, is_study, part in parts_of_pages(pages):
        count += 1
        if "ops" in part:
            part = {"views": [{"size": 32, "count": 2, **part}]}
        if "data" in part:
            part = {"data": {**({} if "plugin" in part["data"] else tiny["data"]), **part["data"]}}
        document = {**(STUDY if is_study else tiny), **part}
        for error in (study if is_study else run).iter_errors(document):
            faults.append(f"{page}: {part}: {error.json_path}: {error.message}")
    print(f"{count} keys in the YAML of {len(pages)} pages")
    return faults if count > 40 else faults + ["the pages have hardly any YAML"]


def main():
    runs = glob.glob(f"{source}/examples/*.yaml") + glob.glob(f"{source}/examples/methods/*.yaml")
    papers = glob.glob(f"{source}/examples/paper/**/*.yaml", recursive=True)
    studies = [file for file in runs + papers if "matrix" in read(file)]
    runs = [file for file in runs if file not in studies]
    parts = [file for file in papers if file not in studies]
    tiny = read(f"{source}/examples/tiny.yaml")
    tiny["data"].update(count=64, size=16)
    tiny["train"]["batch"] = 16
    faults = check_runs(tiny, runs) + check_studies(tiny, studies, parts)
    faults += check_pages(tiny, [f"{source}/README.md"] + sorted(glob.glob(f"{source}/docs/*.md")))
    for fault in faults:
        print(fault)
    return 1 if faults or len(runs) < 20 or len(studies) < 14 or len(parts) < 3 else 0


sys.exit(main())
