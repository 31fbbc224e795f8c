# SPDX-License-Identifier: Apache-2.0
# Compares two layouts (layout.awk): what was, what is. Says what would break a plugin that was built
# before (exit 2) and what only grew (exit 1); silent when they are one (exit 0).
#
# May be: a struct or a value that is new; members behind the end of a struct that may grow; a name
# for a member that was `reserved`.

function place() { return $1 " " $2 " " $3 }

NR == FNR {
    was[$0] = 1
    lines[++n] = $0
    if ($3 == "-") { size[$1 " " $2] = $4; may_grow[$1 " " $2] = /may grow/ }
    next
}
{
    is[$0] = 1
    at[place()] = $0
    if ($3 == "-") now[$1 " " $2] = $4
    more[++m] = $0
}

function breaks(text) { broken = broken "  " text "\n" }
function grew(text) { grown = grown "  " text "\n" }

END {
    for (i = 1; i <= n; i++) {
        $0 = lines[i]
        if ($0 in is) continue
        of = $1 " " $2
        if ($1 == "value") breaks("was: " $0)
        else if (!(of in now)) { if ($3 == "-") breaks("gone: " of) }
        else if ($3 == "-") {
            if (!may_grow[of] || now[of] < $4) breaks(of " had " $4 " bytes, has " now[of])
        } else if ($4 ~ /^reserved/ && (place() in at)) {
            split(at[place()], other, ": ")
            split($0, mine, ": ")
            if (other[2] != mine[2]) breaks("was: " $0)
        } else breaks("was: " $0)
    }
    for (i = 1; i <= m; i++) {
        $0 = more[i]
        of = $1 " " $2
        if ($0 in was) continue
        if ($1 != "value" && (of in size) && $3 != "-" && may_grow[of] && $3 + 0 >= size[of]) grew($0)
        else if ($1 != "value" && !(of in size)) { if ($3 == "-") grew($0) }
        else if ($3 != "-") grew($0)
    }
    if (broken != "") { printf "%s", broken; exit 2 }
    if (grown != "") { printf "%s", grown; exit 1 }
}
