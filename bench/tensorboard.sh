#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A run that is killed and goes on, read back by TensorBoard's own reader: bench/tensorboard.sh
# TensorBoard is no package of Debian 12: it is installed into a venv outside of the repository, $VENV or a
# temporary one. Needs python3-venv and network.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python3" ] || python3 -m venv "$venv"
"$venv/bin/python3" -c 'import tensorboard' 2>/dev/null || "$venv/bin/pip" install -q tensorboard
cat >"$folder/run.yaml" <<'YAML'
name: charted
device: {plugin: cpu, threads: 1}
data: {plugin: synthetic, kinds: 4, count: 64, size: 12}
views:
  - {recipe: simclr_cifar, size: 12, count: 2, normalize: store}
backbone: {plugin: resnet, depth: 18, stem: tiny, width: 4}
method: {plugin: simclr, hidden: 16, output: 8}
optimizer: {name: sgd, lr: 0.05}
train: {epochs: 60, batch: 8, log_every: 1}
checkpoint: {every_epochs: 0, every_steps: 10, keep: 2}
evals:
  - {plugin: knn, k: 5, every_epochs: 1, before: true}
YAML
cd "$folder"
export XDG_CACHE_HOME="$folder/cache" OMP_WAIT_POLICY=passive
for i in 1 2 3; do
    "$top/build/kindred" train run.yaml --resume >log 2>&1 & run=$!
    sleep 1
    kill -9 "$run" 2>/dev/null || true
    wait "$run" 2>/dev/null || true
done
"$top/build/kindred" train run.yaml --resume >log 2>&1 || { cat log; exit 1; }
"$venv/bin/python3" "$top/bench/read_events.py" runs/charted
