#!/bin/sh
# An installation, moved to a folder of its own, holds all that it should, finds its plugins beside
# itself, trains, and gives a plugin's author what pkg-config needs.
# $1: the source tree, $2: the build, $3: the prefix, $4: the folder of libraries in it
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
meson install -C "$2" --no-rebuild --destdir "$folder/moved" >"$folder/log" 2>&1 || {
    cat "$folder/log"
    exit 1
}
prefix=$folder/moved$3
unset KINDRED_PLUGIN_PATH
export HOME="$folder" XDG_DATA_HOME="$folder/data" XDG_CACHE_HOME="$folder/cache"

# Everything is there, and every header.
for file in bin/kindred share/man/man1/kindred.1 share/zsh/site-functions/_kindred \
    share/bash-completion/completions/kindred include/kindred/plugin.map; do
    test -s "$prefix/$file"
done
diff -r -x plugin.map "$1/core/include/kindred" "$prefix/include/kindred"

# The pages are sound.
bash -n "$prefix/share/bash-completion/completions/kindred"
if command -v groff >/dev/null; then
    said=$(groff -ww -man -Tutf8 "$prefix/share/man/man1/kindred.1" 2>&1 >/dev/null)
    test -z "$said" || { echo "$said"; exit 1; }
fi
# completes line...: what the last word of a command line may become
completes() {
    bash -c "shift; . $prefix/share/bash-completion/completions/kindred
        COMP_WORDS=(\"\$@\") COMP_CWORD=\$((\$# - 1)); _kindred; echo \"\${COMPREPLY[*]}\"" - - "$@"
}
expect() {
    test "$(eval "completes $1")" = "$2" || { echo "completed $1 to: $(eval "completes $1")"; exit 1; }
}
expect 'kindred plugin list --a' --all
expect 'kindred pa' pairs
expect 'kindred pairs ""' 'build mine show --help'
expect 'kindred pairs mine --en' --encoder
expect 'kindred train --r' '--resume --runs'

# It finds its own plugins, and trains.
cd "$folder"
"$prefix/bin/kindred" plugin list --all --json >list
grep -q "\"path\": \"$prefix/$4/kindred/plugins/simclr.so\"" list
"$prefix/bin/kindred" train "$1/examples/tiny.yaml" train.epochs=1 data.count=64 train.batch=16 evals=[] >log 2>&1 || {
    cat log
    exit 1
}
grep -q "\"path\": \"$prefix/$4/kindred/plugins/simclr.so\"" runs/tiny/plugins.lock

# A plugin is built with what pkg-config says, and nothing else of kindred's.
export PKG_CONFIG_PATH="$prefix/$4/pkgconfig"
echo '#include <kindred/method.h>
struct none { int unused; };
KD_PLUGIN(METHOD, "org.example.none", "1.0.0", struct none, "nothing", "nobody")
static kd_tensor *build(const void *c, kd_scope s, const kd_method_input *in) {
    (void)c; (void)in;
    return kd_scalar(s, 0);
}
KD_METHOD(.min_views = 1, .max_views = 1, .build = build)' >none.c
# shellcheck disable=SC2046 # flags are words
cc -std=c11 -fPIC -shared $(pkg-config --cflags kindred-plugin) none.c -o none.so \
    $(pkg-config --libs kindred-plugin)
"$prefix/bin/kindred" plugin describe org.example.none --plugin none.so | grep -q 'ABI      0\.'
test "$(realpath "$(pkg-config --variable=plugindir kindred-plugin)")" = "$prefix/$4/kindred/plugins"
