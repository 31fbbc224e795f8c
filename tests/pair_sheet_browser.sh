#!/bin/sh
# A sheet of `kindred pairs show` in a real browser, at the width of a phone: it shows one page of pairs, ticks,
# turns, filters, gives the list, and scrolls one way only. Skipped where there is no chromium.
# $1: the program
set -eu
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "no chromium here: the page's script is not tested"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$(realpath "$1")
export HOME="$folder" XDG_CACHE_HOME="$folder/cache"
cd "$folder"
"$program" pairs build --data plugin=synthetic kinds=4 count=240 size=16 --to pairs.csv
"$program" pairs show pairs.csv --data plugin=synthetic kinds=4 count=240 size=16 --to sheet.html
sed '/<\/body>/d; /<\/html>/d' sheet.html >probe.html
cat >>probe.html <<'END'
<script>
const cards = [...document.querySelectorAll('.card')], $ = (id) => document.getElementById(id), out = [];
const shown = () => cards.filter((card) => !card.hidden).length;
out.push('shown ' + shown() + ' of ' + cards.length);
cards[3].click();
cards[5].querySelector('input').click();
cards[7].click();
cards[7].click();
out.push('turned down ' + $('count').textContent);
out.push('right ids ' + ($('list').value.split('\n').slice(1, 3).join() === [3, 5].map((i) => cards[i].querySelector('input').value).join()));
$('next').click();
out.push('page ' + $('page').textContent + ' has ' + shown() + ' and not the first ' + cards[0].hidden);
$('which').value = 'rejected';
$('which').dispatchEvent(new Event('change'));
out.push('of these ' + shown());
$('which').value = 'c1';
$('which').dispatchEvent(new Event('change'));
out.push('of a class ' + shown());
out.push('too wide by ' + (document.documentElement.scrollWidth - document.documentElement.clientWidth));
out.push('broken ' + [...document.images].filter((image) => !image.naturalWidth).length);
document.title = out.join('; ');
</script>
</body>
</html>
END
"$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$folder/browser" --window-size=390,844 \
    --virtual-time-budget=2000 --dump-dom "file://$folder/probe.html" 2>log | sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' >is
cat >want <<'END'
shown 48 of 120; turned down 2; right ids true; page 2 / 3 has 48 and not the first true; of these 2; of a class 30; too wide by 0; broken 0
END
diff want is || { tail -5 log; exit 1; }
