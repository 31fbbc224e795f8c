#!/bin/sh
# A page of docs/ that begins a plugin by `kindred plugin new` does what it says, against an installed copy
# of kindred: its blocks in order, those of `sh` run, those of `c` become NAME.c, of `yaml` run.yaml, and a
# `diff` puts its lines behind the line that it shows.
# $1: the source tree, $2: the build, $3: the prefix, $4: the folder of libraries in it, $5: the page,
# $6: NAME, $7: the most lines of C, 0: any number
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
meson install -C "$2" --no-rebuild --destdir "$folder/moved" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
export PKG_CONFIG_PATH="$folder/moved$3/$4/pkgconfig" PATH="$folder/moved$3/bin:$PATH"
export HOME="$folder" XDG_CACHE_HOME="$folder/cache"
unset KINDRED_PLUGIN_PATH
cd "$folder"
cat >insert.awk <<'END'
# Puts the lines of `block` that begin with + behind the first line that is the one before them.
BEGIN {
    while ((getline line < block) > 0) {
        if (line ~ /^\+/) added = added substr(line, 2) "\n"; else if (added == "") anchor = substr(line, 2)
    }
}
{ print }
$0 == anchor && !done { printf "%s", added; done = 1 }
END { exit !done }
END
awk -v name="$6" '
    /^```(sh|c|yaml|diff)$/ {
        kind = substr($0, 4)
        file = kind == "c" ? name ".c" : kind == "yaml" ? "run.yaml" : "../block"
        if (kind == "c" && c++) printf "cat >>%s <<\"END\"\n", file
        else if (kind != "sh") printf "cat >%s <<\"END\"\n", file
        next
    }
    /^```/ && kind {
        if (kind != "sh") print "END"
        if (kind == "diff")
            printf "awk -v block=../block -f ../insert.awk %s.c >../new\nmv ../new %s.c\n", name, name
        kind = ""
        next
    }
    kind' "$1/docs/$5.md" >page
grep -q 'kindred plugin new' page
sh -eux page >log 2>&1 || { cat log; exit 1; }
lines=$(grep -c . "$6/$6.c")
test "$7" = 0 || test "$lines" -le "$7" || { echo "$lines lines of C, more than $7"; exit 1; }
