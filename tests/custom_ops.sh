#!/bin/sh
# Runs with a method that brings ops: it trains, the lock says what it brought, and what is missing is
# named with who has it.
# $1: the program, $2: the folder of tests/plugin_corpus
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$1")
export XDG_CACHE_HOME="$folder/cache" HOME="$folder"
cd "$folder"
cat >run.yaml <<'END'
name: one
data: {plugin: synthetic, kinds: 4, count: 64, size: 16}
views:
  - {size: 16, count: 2, normalize: store, ops: [random_resized_crop, flip]}
backbone: {plugin: resnet, depth: 18, stem: tiny, width: 4}
method: {plugin: org.example.cubes}
optimizer: {name: sgd, lr: 0.1}
train: {epochs: 1, batch: 16}
END
train() {
    "$program" train run.yaml 'device={plugin: cpu, threads: 1}' "$@" >log 2>&1
}
says() {
    tr -s '\n ' ' ' <log | grep -qF "$1" || {
        cat log
        echo "custom_ops.sh: not \"$1\""
        exit 1
    }
}

# In the mode of the run and in bf16, which the op never sees.
train --plugin "$2/brings_ops.so" || says trained
says 'run folder: runs/one'
train --plugin "$2/brings_ops.so" name=narrow precision=bf16 || says trained
grep -q '"cubes::cube"' runs/one/plugins.lock
! grep -q companions runs/one/plugins.lock

# No kernel for the device; an op of a plugin that is here but not in use; one that nobody has.
! train --plugin "$2/brings_op_no_host.so" name=two || says refused
says "op 'cubes::cube' of org.example.cubes 1.0.0 has no kernel for the device cpu"
says 'there are kernels in: org.example.cubes 1.0.0 (reference)'
says 'choose device: {plugin: reference}'
! train --plugin "$2/brings_op_others.so" --plugin "$2/brings_op_other.so" method.plugin=org.example.asks name=six || says refused
says 'other::cube is an op of org.example.other 1.0.0, which this run does not use'
! train --plugin "$2/brings_op_others.so" method.plugin=org.example.asks name=seven || says refused
says 'other::cube is not an op of this host'

# A companion counts: another file is another plugin to --locked.
cp "$2/brings_op_no_companion.so" cubes.so
echo one >cubes.fake.so
train --plugin ./cubes.so name=three || says trained
grep -q '"companions": "fake ' runs/three/plugins.lock
cp runs/three/plugins.lock .
train --plugin ./cubes.so name=four --locked || says trained
echo two >cubes.fake.so
! train --plugin ./cubes.so name=five --locked || says refused
says 'the kernels beside the method org.example.cubes 1.0.0 are other files'
rm cubes.fake.so
! train --plugin ./cubes.so name=eight --locked || says refused
says 'the kernels beside the method org.example.cubes 1.0.0 are other files'
