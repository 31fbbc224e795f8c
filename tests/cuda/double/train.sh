#!/bin/sh
# Trains a small ViT and a small ResNet on the cuda device over the double, as one recorded program,
# and on `cpu`: the losses of a few steps are the same. The checkpoints are the same, bit for bit, when
# whatever the GPU does is done as late as can be, and when the images do not fit into its memory;
# and what the plan says of that memory is what is taken. `device: auto` takes the GPU, and where that
# cannot be used goes on on `cpu` and says why. `train.sh KINDRED MODULE`
set -eu
kindred=$(realpath "$1")
module=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > run.yaml << 'END'
name: run
seed: 1
precision: f32
data: {plugin: synthetic, kinds: 4, count: 16, size: 16}
views:
  - {recipe: simclr_cifar, size: 16, count: 2, normalize: store}
backbone: {plugin: vit, patch: 8, image_size: 16, width: 24, depth: 2, heads: 2}
method: {plugin: simclr, temperature: 0.2, hidden: 32, output: 16}
optimizer: {name: sgd, lr: 0.002, weight_decay: 1.0e-4}
train: {epochs: 2, batch: 8, log_every: 1}
END
sed 's/^backbone:.*/backbone: {plugin: resnet, depth: 18, stem: tiny, width: 4}/' run.yaml > resnet.yaml
mv run.yaml vit.yaml

# What was taken of the device is what was planned.
as_planned() {
    awk 'NR == FNR { taken = $1 / 1048576; next }
        /^memory of the process/ { exit }
        $1 == "in" && $2 == "all" { said = $3 }
        END { print "taken", taken, "MiB, planned", said
              exit !(said > 0 && said > 0.98 * taken && said < 1.02 * taken) }' peak plan
}

# As many losses as steps, and no two of them apart by more than a part in 10,000.
for net in vit resnet; do
    for device in cpu cuda; do
        OMP_WAIT_POLICY=passive "$kindred" train $net.yaml --plugin "$module" --no-user-plugins \
            name=$net-$device device.plugin=$device > log 2>&1 || { cat log; exit 1; }
        grep -o '"loss":[^,]*' runs/$net-$device/metrics.jsonl | cut -d: -f2 > $net-$device
    done
    grep -q double runs/$net-cuda/environment.json || { echo "not the double"; exit 1; }
    paste $net-cpu $net-cuda | awk -v net=$net '
        { off = $1 - $2; bad += NF != 2 || off * off > 1e-8 * $1 * $1; print net, $1, $2 }
        END { exit bad > 0 || NR != 4 }'
done

train_file() {
    file=$1
    shift
    OMP_WAIT_POLICY=passive timeout 200 "$kindred" train "$file" --plugin "$module" \
        --no-user-plugins device.plugin=cuda train.epochs=4 train.log_every=3 \
        checkpoint.every_steps=1 checkpoint.keep=100 "$@" > log 2>&1 || { cat log; exit 1; }
}
train() {
    train_file resnet.yaml "$@"
}
same() {
    for step in 1 2 3 4 5 6 7 8; do
        cmp runs/$1/checkpoints/step-$step/state.safetensors \
            runs/$2/checkpoints/step-$step/state.safetensors || { echo "$2 differs"; exit 1; }
    done
}
train name=prompt
(export KINDRED_DOUBLE_LATE=1; train name=late)
same prompt late

# A GPU that holds what training takes, and all but a little of the images, and the sixteenth that stays
# free for code, has no room for images and a sixteenth.
(export KINDRED_DOUBLE_PEAK=$PWD/peak; train name=again)
(export KINDRED_DOUBLE_CAPACITY=$((($(cat peak) - 4096) * 16 / 15)); train name=apart)
grep -q 'images stay in host memory' log || { cat log; exit 1; }
same prompt apart

# Nor has one that holds training and larger images, but not what an eval takes after training.
(export KINDRED_DOUBLE_PEAK=$PWD/peak; train name=roomy data.count=64 data.size=128 train.epochs=1)
cat >> resnet.yaml << 'END'
evals:
  - {plugin: finetune, epochs: 1, min_steps: 1, batch: 4}
END
(export KINDRED_DOUBLE_CAPACITY=$(($(cat peak) * 28 / 25))
    train name=evals data.count=64 data.size=128 train.epochs=1)
grep -q 'images stay in host memory' log || { cat log; exit 1; }
same roomy evals
sed -i '/^evals:/,$d' resnet.yaml

# Where two batches have room beside training, each is copied there a step ahead: both images of pairs, in
# steps and in what the method does over all samples before them. And the room is in the plan.
sed 's/^method:.*/method: {plugin: pirl, start: features, output: 16}/' resnet.yaml > pirl.yaml
pairs='train.epochs=1 data.count=68 data.size=64 data.paired=true'
(export KINDRED_DOUBLE_PEAK=$PWD/peak; train_file pirl.yaml name=beside $pairs)
capacity=$((($(cat peak) - 800000) * 16 / 15))
(export KINDRED_DOUBLE_CAPACITY=$capacity KINDRED_DOUBLE_PEAK=$PWD/peak; train_file pirl.yaml name=copied $pairs)
grep -q 'copies each batch from there a step ahead' log || { cat log; exit 1; }
same beside copied
(export KINDRED_DOUBLE_CAPACITY=$capacity KINDRED_DOUBLE_LATE=1; train_file pirl.yaml name=copied-late $pairs)
grep -q 'copies each batch from there a step ahead' log || { cat log; exit 1; }
same beside copied-late
rm -r runs/copied-late/checkpoints/step-[678] # and going on at an odd step
(export KINDRED_DOUBLE_CAPACITY=$capacity KINDRED_DOUBLE_LATE=1; train_file pirl.yaml --resume name=copied-late $pairs)
grep -q 'resuming after step 5' log || { cat log; exit 1; }
same beside copied-late
(export KINDRED_DOUBLE_CAPACITY=$capacity
    "$kindred" plan pirl.yaml --plugin "$module" --no-user-plugins device.plugin=cuda $pairs) > plan
as_planned

# DEVICE WORDS: a run that names no device uses this one; the log has the words about the other, or
# none when there are none; and the losses are the device's.
automatic() {
    rm -rf runs/automatic
    OMP_WAIT_POLICY=passive timeout 200 "$kindred" train vit.yaml --plugin "$module" \
        --no-user-plugins name=automatic > log 2>&1 || { cat log; exit 1; }
    used=$(sed -n 's/.*"device": "\([a-z]*\)".*/\1/p' runs/automatic/environment.json)
    grep 'device cuda is not used' log > said || true
    { test "$used" = "$1" && if [ -n "$2" ]; then grep -q "^warning: .*$2" said; else test ! -s said; fi; } ||
        { echo "automatic $1 $2: $used"; cat log; exit 1; }
    grep -o '"loss":[^,]*' runs/automatic/metrics.jsonl | cut -d: -f2 | cmp - "vit-$1" || exit 1
}
automatic cuda ''
(export KINDRED_DOUBLE_GPUS=0; automatic cpu '')
(export KINDRED_DOUBLE_CAPABILITY=7; automatic cpu 'too old: it has compute capability 7.0')
(export KINDRED_DOUBLE_MISSING=libcudnn; automatic cpu 'cuDNN 9 does not load')
(export KINDRED_DOUBLE_CAPACITY=300000; automatic cpu 'MiB free, and .* are wanted')
if (export KINDRED_DOUBLE_CAPACITY=300000
    "$kindred" train vit.yaml --plugin "$module" --no-user-plugins name=named device.plugin=cuda) > log 2>&1; then
    echo "a device that was named is replaced"
    exit 1
fi
grep -q 'MiB free, and .* are wanted' log || { cat log; exit 1; }

# What training takes of the device is what was planned.
sed -i 's/width: 4/width: 40/; s/hidden: 32/hidden: 300/' resnet.yaml
"$kindred" plan resnet.yaml --plugin "$module" --no-user-plugins device.plugin=cuda > plan
(export KINDRED_DOUBLE_PEAK=$PWD/peak; train name=large train.epochs=1)
as_planned
