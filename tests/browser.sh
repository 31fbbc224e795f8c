#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Opens pages in headless Chromium, as wide as a phone and as a desktop: tests/browser.sh FOLDER PAGE.html ...
# Fails when a page logs an error, loads anything, or is wider than the window. Screenshots, in light and in dark,
# go to FOLDER, which is best outside of the repository; "": none are taken. 77: there is no Chromium.
set -eu
command -v chromium >/dev/null || { echo "skipped: chromium is missing (Debian: apt-get install chromium)"; exit 77; }
[ $# -ge 2 ] || { echo "usage: tests/browser.sh FOLDER PAGE.html ..." >&2; exit 2; }
out=$1
shift
[ -z "$out" ] || mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# Chromium's own windows are never narrower than 500 pixels, so a page is shown in a frame, as wide as asked, and
# tells the frame's owner how wide it came out.
browse() { # WIDTH HEIGHT arguments...
    window="$1,$2"
    shift 2
    HOME=$scratch timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
        --user-data-dir="$scratch/profile" --force-device-scale-factor=1 --virtual-time-budget=3000 \
        --enable-logging=stderr --window-size="$window" "$@" "file://$scratch/frame.html" 2>"$scratch/log"
}

frame() { # WIDTH HEIGHT
    cat >"$scratch/frame.html" <<HTML
<!DOCTYPE html><html><head><style>body{margin:0}iframe{border:0;display:block;width:${1}px;height:${2}px}</style></head>
<body><iframe src="page.html"></iframe><script>
addEventListener("message", function (e) { document.documentElement.dataset.seen = e.data; });
</script></body></html>
HTML
}

probe='<script>addEventListener("load", function () { var e = document.documentElement;
parent.postMessage([innerWidth, e.scrollWidth, e.scrollHeight, performance.getEntriesByType("resource").filter(
function (r) { return r.name.indexOf("data:") != 0; }).length].join(" "), "*"); });</script>'

for page in "$@"; do
    name=$(basename "$page" .html)
    awk -v probe="$probe" '{sub(/<\/body>/, probe "</body>")} 1' "$page" >"$scratch/page.html"
    for width in 390 1280; do
        frame "$width" 3000
        browse 1400 3000 --dump-dom >"$scratch/dom"
        # shellcheck disable=SC2046 # four words
        set -- $(sed -n 's/.*data-seen="\([0-9 ]*\)".*/\1/p' "$scratch/dom" | head -1)
        [ $# = 4 ] || { echo "$name at $width: the page did not load"; cat "$scratch/log"; exit 1; }
        if grep ':CONSOLE' "$scratch/log"; then failed=1; fi
        [ "$2" -le "$1" ] || { echo "$name at $width: $2 pixels wide, the window $1"; failed=1; }
        [ "$4" = 0 ] || { echo "$name at $width: loads $4 other files"; failed=1; }
        height=$3
        echo "$name at $width: $1 wide, $height high"
        [ -n "$out" ] || continue
        frame "$width" "$height"
        browse "$width" "$height" --screenshot="$out/$name-$width.png"
        browse "$width" "$height" --blink-settings=preferredColorScheme=0 --screenshot="$out/$name-$width-dark.png"
    done
done
exit $failed
