#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reports of two small runs, one of pairs, and of a study with a run that failed, in a real browser: see tests/browser.sh. Skipped where there is no chromium.
# $1: the source tree, $2: the program, $3: where screenshots go (default: none are taken)
set -eu
source=$(realpath "$1") program=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
shots=${3:+$(realpath -m "$3")}
export HOME="$folder" XDG_CACHE_HOME="$folder/cache"
command -v chromium >/dev/null || { echo "skipped: chromium is missing (Debian: apt-get install chromium)"; exit 77; }
cd "$folder"
cat >run.yaml <<'YAML'
name: single
device: {plugin: cpu, threads: 1}
data: {plugin: synthetic, kinds: 10, count: 160, size: 24}
views:
  - {recipe: dino_global, size: 24, count: 2, normalize: store}
  - {recipe: dino_local, size: 12, count: 6, normalize: store}
backbone: {plugin: resnet, depth: 18, stem: tiny, width: 8}
method: {plugin: simclr, hidden: 16, output: 8}
optimizer: {name: sgd, lr: 0.05}
train: {epochs: 2, batch: 16, log_every: 1}
evals:
  - {plugin: knn, k: 5, every_epochs: 1, before: true, name: a-rather-long-name-of-an-eval}
YAML
sed -e 's/name: single/name: pairs/' -e 's/size: 24}$/size: 96, paired: true}/' -e '/^evals/,$d' run.yaml >pairs.yaml
for name in run pairs; do
    "$program" train $name.yaml >log 2>&1 || { cat log; exit 1; }
done
cat >study.yaml <<'YAML'
name: study
seeds: [1, 2]
run: {include: base.yaml, evals: [{plugin: knn, k: 5}], train: {epochs: 1}}
matrix:
  - {axis: arm, key: data.pairs.arm, values: [semantic, augmented]}
  - axis: a-rather-long-name-of-an-axis
    values: {as-it-is: {}, a-rather-long-name-of-a-value: {method: {temperature: 0.5}}}
compare: {axis: arm, baseline: augmented}
YAML
sed -e /^name:/d pairs.yaml >base.yaml
"$program" study study.yaml >log 2>&1 || { cat log; exit 1; }
rm -r studies/study/runs/augmented-as-it-is-seed2
sed -i '/"augmented-as-it-is-seed2"/d' studies/study/results.jsonl
echo "failed with status 1: $folder/a/rather/long/path/of/a/configuration.yaml:3:5: what_has_no_place_to_break" \
    >studies/study/logs/augmented-as-it-is-seed2.failed
"$program" report studies/study --to study.html
"$program" report runs/single --to single.html
"$program" report runs/pairs --to pairs.html
"$source/tests/browser.sh" "$shots" single.html pairs.html study.html
