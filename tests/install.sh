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
    share/bash-completion/completions/kindred share/fish/vendor_completions.d/kindred.fish \
    share/kindred/kindred.schema.json share/kindred/kindred.study.schema.json include/kindred/plugin.map; do
    test -s "$prefix/$file"
done
diff -r -x plugin.map "$1/core/include/kindred" "$prefix/include/kindred"

# The pages are sound, as far as what reads them is here, and name every command.
man=$prefix/share/man/man1/kindred.1 bash=$prefix/share/bash-completion/completions/kindred
zsh=$prefix/share/zsh/site-functions/_kindred fish=$prefix/share/fish/vendor_completions.d/kindred.fish
sound() { # what reads the page, with its arguments: it has nothing to say
    command -v "$1" >/dev/null || { echo "not read for want of $1"; return; }
    said=$("$@" 2>&1 >/dev/null) && test -z "$said" || { echo "$*: $said"; exit 1; }
}
sound bash -n "$bash"
sound zsh -n "$zsh"
sound fish -n "$fish"
sound groff -ww -man -Tutf8 "$man"
sound mandoc -T lint -W warning "$man"
commands() { # of a group, or all: those that its help lists
    "$prefix/bin/kindred" "$@" --help | awk '/^  [a-z]+ / && $1 != "exit" {print $1}'
}
for name in $(commands) $(commands plugin) $(commands pairs); do
    for page in "$man" "$bash" "$zsh" "$fish"; do
        grep -q "\b$name\b" "$page" || { echo "$page: nothing of $name"; exit 1; }
    done
done
complete() { # what bash offers for the last of these words
    bash -c '. "$0"; COMP_WORDS=(kindred "$@"); COMP_CWORD=$#; _kindred
        echo "${COMPREPLY[*]}"' "$bash" "$@"
}
test "$(complete tr)" = train
test "$(complete plugin ver)" = verify
test "$(complete pa)" = pairs
test "$(complete pairs '')" = "build mine show --help"
test "$(complete pairs mine --en)" = --encoder
test "$(complete plugin list --a)" = --all
test "$(complete train run.yaml --lo)" = --locked
"$prefix/bin/kindred" schema --no-user-plugins | cmp - "$prefix/share/kindred/kindred.schema.json"
"$prefix/bin/kindred" schema --study --no-user-plugins | cmp - "$prefix/share/kindred/kindred.study.schema.json"

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
