#!/bin/sh
# The commands of README.md or of a page of docs/ do what they are there for: its blocks of `sh`, one after another in one
# shell and one empty folder, which has `examples` in it. tests/docs/PAGE.sh, where there is one, goes first.
# $1: the source tree, $2: the program, $3: the page, as "pairs"
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
source=$(realpath "$1") program=$(realpath "$2")
mkdir "$folder/bin" "$folder/work"
ln -s "$program" "$folder/bin/kindred"
export DOCS="$source/tests/docs" PATH="$folder/bin:$PATH" HOME="$folder" XDG_CACHE_HOME="$folder/cache"
cd "$folder/work"
ln -s "$source/examples" examples
page=$source/docs/$3.md
[ -f "$page" ] || page=$source/$3.md

{
    echo 'set -eu'
    [ ! -f "$source/tests/docs/$3.sh" ] || cat "$source/tests/docs/$3.sh"
    echo 'set -x'
    awk '/^```sh$/ {on = 1; next} /^```/ {on = 0} on' "$page"
} >../commands
grep -q kindred ../commands || { echo "$page has no commands"; exit 1; }
sh ../commands >../log 2>&1 || { cat ../log; exit 1; }
