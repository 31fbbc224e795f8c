#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures a GPU, in a build tree or in a bundle, and writes one line of JSON:
#
#     bench/gpu.sh [--paper] [--out FILE]
#
# Times of a step (median over the lines of metrics.jsonl, the first two left out) of SimCLR with
# ResNet-50 at 64 px and 256 pairs, in bf16 and f32, and with ViT-S/8; with --paper also the whole
# run of the paper, 29,359 pairs and 200 epochs. Needs nothing but kindred and a shell with awk.
set -eu
cd "$(dirname "$0")/.."
kindred=./kindred
[ -x $kindred ] || kindred=build/kindred
out=/dev/stdout paper=
while [ $# -gt 0 ]; do
    case $1 in
    --paper) paper=1 ;;
    --out) out=$2 && shift ;;
    *) echo "gpu.sh: $1: not an option; see the head of this file" >&2 && exit 2 ;;
    esac
    shift
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME KEY=VALUE...: trains into $work/NAME.
train() {
    name=$1 && shift
    "$kindred" train bench/gpu.yaml name="$name" --runs "$work" "$@" >"$work/$name.log" 2>&1 || {
        cat "$work/$name.log" >&2
        exit 1
    }
}
# NAME -> milliseconds a step of 512 views
milliseconds() {
    awk -F '"views_per_second":' 'NF > 1 {split($2, v, /[,}]/); print 512e3 / v[1]}' \
        "$work/$1/metrics.jsonl" | tail -n +3 | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

short="train.steps=400 train.log_every=20 checkpoint.every_epochs=0"
# shellcheck disable=SC2086 # a list of words
{
    train resnet50-bf16 $short
    train resnet50-f32 $short precision=f32
    sed 's/^backbone:.*/backbone: {plugin: vit, size: small, patch: 8, image_size: 64}/; s/^optimizer:.*/optimizer: {name: adamw, lr: 5.0e-4, weight_decay: 0.04}/' \
        bench/gpu.yaml >"$work/vit.yaml"
    "$kindred" train "$work/vit.yaml" name=vit-bf16 --runs "$work" $short >"$work/vit.log" 2>&1
}
seconds=null
if [ -n "$paper" ]; then
    began=$(date +%s)
    train paper
    seconds=$(($(date +%s) - began))
fi
device=$("$kindred" plan bench/gpu.yaml | awk -F ': ' '/^device/ {print $2; exit}')
printf '{"date":"%s","device":"%s","resnet50_bf16_ms":%s,"resnet50_f32_ms":%s,"vit_s8_bf16_ms":%s,"paper_seconds":%s}\n' \
    "$(date -u +%F)" "$device" "$(milliseconds resnet50-bf16)" "$(milliseconds resnet50-f32)" \
    "$(milliseconds vit-bf16)" "$seconds" >"$out"
