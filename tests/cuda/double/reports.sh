#!/bin/sh
# Lines of metrics are taken while steps go on, over the double: they are the same however late the GPU
# is and however often they are taken, no step waits for them, a loss that is not finite ends the run at
# its own step, and a run that is interrupted or killed has lost none of them in the end.
# `reports.sh KINDRED MODULE`
set -eu
kindred=$(realpath "$1")
module=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export OMP_WAIT_POLICY=passive

# 80 steps, more than the ring of reports has rows; an epoch is two of them.
cat > run.yaml << 'END'
seed: 1
precision: f32
device: {plugin: cuda}
data: {plugin: synthetic, kinds: 4, count: 8, size: 8}
views:
  - {recipe: none, size: 8, count: 2, normalize: store}
backbone: {plugin: vit, patch: 4, image_size: 8, width: 8, depth: 1, heads: 1}
method: {plugin: simclr, temperature: 0.2, hidden: 8, output: 4}
optimizer: {name: sgd, lr: 0.1}
train: {epochs: 40, batch: 4}
checkpoint: {every_epochs: 0}
END
train() { # NAME KEY=VALUE...
    name=$1 && shift
    timeout 200 "$kindred" train run.yaml --plugin "$module" --no-user-plugins name=$name "$@" > log 2>&1
}
late() {
    (export KINDRED_DOUBLE_LATE=1; train "$@")
}
fail() {
    echo "$@"
    cat log
    exit 1
}
# NAME STEPS: its lines without times, of every so many steps and the last
lines() {
    sed 's/,"views_per_second":[^,]*,"data_wait":[^,]*,"host_us":[^,]*//' runs/$1/metrics.jsonl |
        awk -F '[:,]' -v every=$2 '$2 % every == 0 || $2 == 80'
}
same_lines() { # NAME STEPS: as those of the run `each`
    lines each $2 > expected
    lines $1 1 > got
    diff expected got || fail "lines of $1"
}

train each train.log_every=1 || fail each
test "$(lines each 1 | wc -l)" = 80 || fail "not 80 lines"
for every in 3 40; do
    train prompt-$every train.log_every=$every || fail prompt-$every
    same_lines prompt-$every $every
done
for every in 1 40; do
    late late-$every train.log_every=$every || fail late-$every
    same_lines late-$every $every
done

# However many steps there are, as often a wait leaves the GPU with nothing to do.
for every in 1 50; do
    for epochs in 10 40; do
        (export KINDRED_DOUBLE_WAITS=$PWD/waits-$epochs
            late waits-$epochs --overwrite train.log_every=$every train.epochs=$epochs) || fail waits-$epochs
    done
    cmp waits-10 waits-40 || fail "$(cat waits-10 waits-40) waits"
done

for every in 1 40; do
    for how in train late; do
        ! $how diverging --overwrite train.log_every=$every optimizer.lr=1000 optimizer.weight_decay=10 \
            optimizer.momentum=0 optimizer.decay_all=true schedule.decay=constant || fail "does not diverge"
        grep -o 'step [0-9]*: the loss is' log > step-$every-$how || fail "not told of"
        cmp step-1-train step-$every-$how || fail "another step"
        test -z "$(ls runs/diverging/checkpoints)" || fail "a checkpoint from behind it"
    done
done

# Step 38 is the 37th launch. What fails there is heard before much more is launched, among steps that it
# is one of, and no line nor checkpoint is of it or of what comes after.
for every in 1 40; do
    for saved in 1 1000; do
        ! (export KINDRED_DOUBLE_FAIL_LAUNCH=37
            late failing --overwrite train.log_every=$every checkpoint.every_steps=$saved checkpoint.keep=100) ||
            fail "does not fail"
        grep -q 'launching a program' log || fail "not told of"
        steps=$(sed -n 's/.*step \([0-9]*\): launching.*/\1 \1/p; s/.*in steps \([0-9]*\) to \([0-9]*\): .*/\1 \2/p' log)
        echo $steps | awk '{ exit !($1 <= 38 && $2 >= 38 && $2 < 38 + 64) }' || fail "in steps $steps"
        tail -n 1 runs/failing/metrics.jsonl 2> said | awk -F '[:,]' '$2 >= 38 { exit 1 }' || fail "a line of it"
        ls runs/failing/checkpoints | sed 's/.*-//' | awk '$1 >= 38 { exit 1 }' || fail "a checkpoint of it"
        test $saved = 1000 || test -d runs/failing/checkpoints/step-37 || fail "none from before it"
    done
done

# SIGNAL: stops a run some steps behind its first checkpoint, while it waits for the GPU mostly.
begin_and_stop() {
    rm -rf runs/stopped
    KINDRED_DOUBLE_LATE=1 "$kindred" train run.yaml --plugin "$module" --no-user-plugins name=stopped \
        train.log_every=1 checkpoint.every_steps=30 > log 2>&1 &
    pid=$! status=0
    while kill -0 $pid && ! grep -qs '"step":3[2-9]' runs/stopped/metrics.jsonl; do sleep 0.02; done 2> said
    kill -$1 $pid 2> said || true
    wait $pid 2> said || status=$?
}
# SIGNAL STATUS: what is stopped has the lines of all that its checkpoint has; it goes on, and ends as a
# run that was not stopped. Where it was faster than the signal it is stopped again.
stop() {
    status=0 tries=0
    while [ $status = 0 ] && [ $tries -lt 5 ]; do
        begin_and_stop $1
        tries=$((tries + 1))
    done
    test $status = $2 || fail "status $status"
    newest=$(ls runs/stopped/checkpoints | sed -n 's/^step-\([0-9]*\)$/\1/p' | sort -n | tail -n 1)
    newest=${newest:-0} # none is whole yet
    last=$(sed -n 's/{"step":\([0-9]*\),.*/\1/p' runs/stopped/metrics.jsonl | tail -n 1)
    test "$(awk -F '[:,]' -v newest=$newest '$2 <= newest' runs/stopped/metrics.jsonl | wc -l)" = $newest ||
        fail "lines are missing"
    train stopped train.log_every=1 checkpoint.every_steps=30 --resume || fail resumed
    same_lines stopped 1
    cmp runs/each/checkpoints/step-80/state.safetensors runs/stopped/checkpoints/step-80/state.safetensors ||
        fail "another end"
}
stop KILL 137
stop INT 130
test $newest -gt 30 && test $newest = $last || fail "interrupted after step $last, and saved $newest"
