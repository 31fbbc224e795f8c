#!/bin/sh
# How long a stranger waits, from `kindred plugin new` to a method that is built, checked and trained:
# bench/new_method.sh KINDRED, an installed one
set -eu
kindred=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pc=$(find "$(dirname "$kindred")/.." -name kindred-plugin.pc)
export PKG_CONFIG_PATH="$(dirname "$pc")" XDG_CACHE_HOME="$folder/cache"
cd "$folder"
before=$(date +%s)
"$kindred" plugin new --kind method org.lab.mine >log
(cd mine && meson setup build && meson test -C build) >log 2>&1 || { cat log; exit 1; }
echo "$(($(date +%s) - before)) s from plugin new to a trained and checked method"
