#!/bin/sh
# The worked example, examples/plugin-project, away from this tree: copied to a folder of its own and
# built against an installed copy of kindred, it passes its tests and every check, is packed, signed,
# installed as a user would, and trains from there.
# $1: the source tree, $2: the build, $3: the prefix, $4: the folder of libraries in it
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    cat "$folder/log"
    echo "plugin_project.sh: $1"
    exit 1
}
umask 022
meson install -C "$2" --no-rebuild --destdir "$folder/moved" >"$folder/log" 2>&1 || fail install
kindred=$folder/moved$3/bin/kindred
export PKG_CONFIG_PATH="$folder/moved$3/$4/pkgconfig" HOME="$folder/home" XDG_CACHE_HOME="$folder/cache"
unset KINDRED_PLUGIN_PATH XDG_DATA_HOME XDG_CONFIG_HOME CFLAGS LDFLAGS
mkdir "$HOME"
cp -r "$1/examples/plugin-project" "$folder/project"
cd "$folder/project"

meson setup build --werror >"$folder/log" 2>&1 || fail setup
meson test -C build --print-errorlogs >"$folder/log" 2>&1 || fail test
! grep -q "$1/" build/build.ninja || fail "it builds from the source tree"
"$kindred" plugin describe org.example.alignment_uniformity --plugin build/alignment_uniformity.so >"$folder/log"
grep -q 'alignment_uniformity::spread, for reference host' "$folder/log" || fail describe

# What README.md says of shipping, word by word, with this kindred.
awk '/^kindred plugin (key|pack|trust|install)/' README.md | while read -r _ words; do
    eval "\"$kindred\" $words" >"$folder/log" 2>&1 || fail "$words"
done
test "$("$kindred" plugin list | grep -c org.example)" = 2 || fail list
# With kernels for CUDA where there was a compiler for them.
companion=alignment_uniformity.cuda.so
if [ -e build/$companion ]; then
    cmp build/$companion "$HOME"/.local/share/kindred/plugins/*/org.example.alignment_uniformity-1.0.0/$companion || fail "no $companion"
fi

# As installed, with no --plugin; the lock names the plugin that brought the op.
build/arrays .
"$kindred" train run.yaml 'device={plugin: cpu, threads: 1}' train.epochs=1 evals=[] >"$folder/log" 2>&1 || fail train
lock=runs/plugin-project/plugins.lock
grep -q "\"path\": \"$HOME/.local/share/kindred/plugins/.*alignment_uniformity.so\"" $lock || fail 'not the installed one'
grep -q '"alignment_uniformity::spread"' $lock || fail 'no op in the lock'
