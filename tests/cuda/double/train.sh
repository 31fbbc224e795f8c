#!/bin/sh
# Trains a small ViT and a small ResNet on the cuda device over the double, as one recorded program,
# and on `cpu`: the losses of a few steps are the same. `train.sh KINDRED MODULE`
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
