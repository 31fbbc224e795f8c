#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures a GPU, in a build tree or in a bundle, and writes one line of JSON:
#
#     bench/gpu.sh [--paper] [--cifar10 FILE] [--tiny] [--out FILE]
#
# --paper    also the whole run of the paper: 29,359 pairs, 200 epochs
# --cifar10  also SimCLR on CIFAR-10 for 200 epochs, to kNN; its archive or folder, binary version
# --tiny     networks of a few channels on the CPU: only to see that all of this works
#
# *_ms     milliseconds a step: the median over the lines of metrics.jsonl, the first two left out
# *_us     microseconds of the host a step, those left out in which it waits for the device
# *_off    the largest relative difference of 20 losses to those of the CPU
# memory_  MiB of the GPU in a run above those in a run of a narrow network, as planned and as
#          nvidia-smi saw it: CUDA's context, which no plan counts, is in both
# peer_    PyTorch in the same setting (bench/gpu_peer.py), where python3 has it with CUDA
#
# A figure that could not be had is null and the others are kept; when something failed, `errors` says
# why and the exit status is 1. FILE, a plain one, is written again after every figure, so what is
# stopped leaves what it had.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
out='' paper='' cifar10='' tiny=''
while [ $# -gt 0 ]; do
    case $1 in
    --paper) paper=1 ;;
    --cifar10) cifar10=$(realpath "$2") && shift ;;
    --tiny) tiny=1 ;;
    --out) out=$(realpath -m "$2") && shift ;;
    *) echo "gpu.sh: $1: not an option; see the head of this file" >&2 && exit 2 ;;
    esac
    shift
done
cd "$top"
kindred=./kindred
[ -x $kindred ] || kindred=build/kindred
work=$(mktemp -d)
watcher=
: >"$work/figures"
: >"$work/errors"
json() {
    printf '{"date":"%s"%s,"errors":{%s}}\n' "$(date -u +%F)" "$(sed 's/^/,/' "$work/figures" | tr -d '\n')" \
        "$(paste -sd, "$work/errors")"
}
finish() {
    [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
    [ -n "$out" ] || json
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

quoted() { # a line of text as JSON has it
    tr -d '\000-\037' | sed 's/[\\"]/\\&/g; s/.*/"&"/'
}
figure() { # NAME VALUE
    printf '"%s":%s\n' "$1" "${2:-null}" >>"$work/figures"
    [ -z "$out" ] || { json >"$out.part" && mv "$out.part" "$out"; }
}
failed() { # NAME: its log's last error
    { grep '^error' "$work/$1.log" || tail -n 1 "$work/$1.log"; } | tail -n 1 | quoted |
        sed "s/^/\"$1\":/" >>"$work/errors"
    echo "gpu.sh: $(tail -n 1 "$work/errors")" >&2
}
# NAME CONFIG KEY=VALUE...: trains into $work/NAME.
train() {
    name=$1 config=$2 && shift 2
    "$kindred" train "$config" name="$name" --runs "$work" --no-user-plugins "$@" >"$work/$name.log" 2>&1 ||
        { rm -rf "${work:?}/$name" && failed "$name" && false; }
}
# The middle one of the numbers that are read; nothing when there is none.
median() {
    sort -g | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}'
}
# NAME KEY: its values in the lines of training, but the first two
lines() {
    sed -n '/"views_per_second"/p' "$work/$1/metrics.jsonl" 2>/dev/null | tail -n +3 |
        sed -n "s/.*\"$2\":\([-+.0-9e]*\).*/\1/p"
}
milliseconds() { # NAME, of $views views a step
    lines "$1" views_per_second | awk -v views=$views '$1 > 0 {print 1e3 * views / $1}' | median
}
planned() { # CONFIG KEY=VALUE... -> MiB on the device
    "$kindred" plan --no-user-plugins "$@" 2>/dev/null | awk '/^memory of the process/ {exit} $1 == "in" && $2 == "all" {print $3}'
}
# NAME CONFIG KEY=VALUE...: trains while nvidia-smi looks on, into $work/NAME.smi: MiB and percent
watch() {
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=memory.used,utilization.gpu --format=csv,noheader,nounits -lms 100 \
            >"$work/$1.smi" 2>/dev/null &
        watcher=$!
    fi
    status=0
    train "$@" || status=1
    [ -z "$watcher" ] || { kill "$watcher" 2>/dev/null || true; wait "$watcher" 2>/dev/null || true; }
    watcher=
    return $status
}
peak_memory() { # NAME -> MiB
    awk -F ', *' '$1 > most {most = $1} END {if (most) print most}' "$work/$1.smi" 2>/dev/null || true
}
busy() { # NAME -> percent, the median of the samples after the first tenth that had work
    awk -F ', *' '$2 > 0 {print $2}' "$work/$1.smi" 2>/dev/null | median
}
# ONE OTHER: the largest relative difference of the losses of two runs, step by step
off() {
    for name in "$1" "$2"; do
        sed -n 's/.*"loss":\([-+.0-9e]*\).*/\1/p' "$work/$name/metrics.jsonl" >"$work/$name.losses" 2>/dev/null || return 0
    done
    paste "$work/$1.losses" "$work/$2.losses" | awk -v steps=$curve_steps '
        {off = ($1 - $2) / $2; off = off < 0 ? -off : off; most = off > most ? off : most; n += NF == 2}
        END {if (n == steps) printf "%.3g", most}'
}

gpu=$work/gpu.yaml views=512 steps=400 every=20 curve_steps=20
cp bench/gpu.yaml "$gpu"
if [ -n "$tiny" ]; then
    views=16 steps=8 every=2 curve_steps=3
    sed -i 's/^device:.*/device: {plugin: cpu, threads: 1}/; s/count: 29359/count: 64/; s/kinds: 187/kinds: 4/
        s/stem: imagenet}/stem: imagenet, width: 4}/; s/hidden: 2048/hidden: 32/; s/batch: 256/batch: 8/; s/epochs: 200/epochs: 1/; s/warmup_epochs: 10/warmup_epochs: 0/' "$gpu"
fi
vit=$work/vit.yaml size='size: small'
[ -z "$tiny" ] || size='width: 24, depth: 2, heads: 2'
sed "s/^backbone:.*/backbone: {plugin: vit, $size, patch: 8, image_size: 64}/
    s/^optimizer:.*/optimizer: {name: adamw, lr: 5.0e-4, weight_decay: 0.04}/" "$gpu" >"$vit"
plain=$work/plain.yaml
sed 's/recipe: simclr,/recipe: none,/' "$gpu" >"$plain"
short="train.steps=$steps train.log_every=$every checkpoint.every_epochs=0"
curve="train.steps=$curve_steps train.log_every=1 train.batch=8 data.count=64 checkpoint.every_epochs=0"

"$kindred" plan --no-user-plugins "$gpu" >"$work/plan.log" 2>&1 || failed plan
figure device "$(sed -n 's/^device *//p' "$work/plan.log" | quoted)"
figure kindred "$("$kindred" --version | quoted)"
# shellcheck disable=SC2086 # lists of words
{
    watch resnet50_bf16 "$gpu" $short || true
    figure resnet50_bf16_ms "$(milliseconds resnet50_bf16)"
    # Of the time of a step, what the host had not got ready in time.
    figure resnet50_bf16_data_wait "$(lines resnet50_bf16 data_wait | median)"
    figure resnet50_bf16_host_us "$(lines resnet50_bf16 host_us | median)"
    figure resnet50_bf16_busy_percent "$(busy resnet50_bf16)"
    train resnet50_plain "$plain" $short || true
    figure resnet50_plain_ms "$(milliseconds resnet50_plain)"
    watch narrow "$gpu" $short backbone.width=4 || true
    figure memory_planned "$(echo "$(planned "$gpu")" "$(planned "$gpu" backbone.width=4)" | awk 'NF == 2 {print $1 - $2}')"
    figure memory_used "$(echo "$(peak_memory resnet50_bf16)" "$(peak_memory narrow)" | awk 'NF == 2 {print $1 - $2}')"
    train vit_s8_bf16 "$vit" $short || true
    figure vit_s8_bf16_ms "$(milliseconds vit_s8_bf16)"
}
# shellcheck disable=SC2086
{
    train resnet50_f32 "$gpu" $short precision=f32 || true
    figure resnet50_f32_ms "$(milliseconds resnet50_f32)"
    for type in f32 bf16; do
        train curve_$type "$gpu" $curve precision=$type || true
        train curve_${type}_cpu "$gpu" $curve precision=$type device.plugin=cpu || true
        figure curve_${type}_off "$(off curve_$type curve_${type}_cpu)"
    done
    figure curve_bf16_to_f32_off "$(off curve_bf16 curve_f32_cpu)"
}
wanted='torch.cuda.is_available()'
[ -z "$tiny" ] || wanted=True
torch=
! python3 -c "import torch, torchvision; assert $wanted" 2>/dev/null || torch=1
for net in resnet50 vit_s8; do
    peer=
    [ -z "$torch" ] || peer=$(python3 bench/gpu_peer.py --nets $net ${tiny:+--tiny --steps 2 --blocks 3} 2>"$work/peer_$net.log") ||
        { peer= && failed peer_$net; }
    figure peer_$net "$peer"
done
seconds=
if [ -n "$paper" ]; then
    began=$(date +%s)
    ! train paper "$gpu" || seconds=$(($(date +%s) - began))
fi
figure paper_seconds "$seconds"
seconds=
if [ -n "$cifar10" ]; then # as lightly's benchmark has it: a rate of 0.06 for 128 images
    sed 's/^data:.*/data: {plugin: cifar, path: cifar-10-binary.tar.gz}/
        s/^  - {recipe:.*/  - {recipe: simclr_cifar, size: 32, count: 2}/
        s/^backbone:.*/backbone: {plugin: resnet, depth: 18, stem: cifar}/
        s/^method:.*/method: {plugin: simclr, temperature: 0.5, hidden: 512, output: 128}/
        s/^optimizer:.*/optimizer: {name: sgd, lr: 0.24, weight_decay: 5.0e-4}/
        s/^schedule:.*/schedule: {warmup_epochs: 0, decay: cosine}/' bench/gpu.yaml >"$work/cifar10.yaml"
    echo 'evals: [{plugin: knn, k: 200, temperature: 0.1}]' >>"$work/cifar10.yaml"
    began=$(date +%s)
    ! train cifar10 "$work/cifar10.yaml" "data.path=$cifar10" train.batch=512 || seconds=$(($(date +%s) - began))
fi
figure cifar10_seconds "$seconds"
figure cifar10_knn "$(sed -n '/"eval"/s/.*"value":\([.0-9e-]*\).*/\1/p' "$work/cifar10/metrics.jsonl" 2>/dev/null | tail -n 1)"
[ ! -s "$work/errors" ]
