#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Trains as run.yaml says, in a folder that is removed afterwards.
# $1: kindred, $2: the plugin, $3: run.yaml
set -eu
module=$(realpath "$2")
run=$(realpath "$3")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export XDG_CACHE_HOME="$folder/cache"
"$1" train "$run" --plugin "$module"
grep -q '"loss"' runs/my_plugin/metrics.jsonl
grep -q '"org.example.my_plugin"' runs/my_plugin/plugins.lock
