# SPDX-License-Identifier: Apache-2.0
# The layout of the contract's structs, from what `readelf --debug-dump=rawline,info` says of an
# object made of all its headers (-gdwarf-4): a line a struct with its header, size and whether it
# may grow, a line a member with its offset and its type, functions with all their parameters.

# ---- Reading: the table of files, then one record an entry. ----

/^ The File Name Table/ { files = 1; next }
files && /^  [0-9]+\t/ { sub(/.*\//, "", $NF); file[$1] = $NF; next }
files && /^ The Line/ { files = 0 }

/^ <[0-9a-f]+><[0-9a-f]+>: Abbrev Number: 0/ { next }
/^ <[0-9a-f]+><[0-9a-f]+>: Abbrev Number/ {
    split($1, part, /[<>]/)
    depth = part[2] + 0
    at = part[4]
    match($0, /DW_TAG_[a-z_]+/)
    tag[at] = substr($0, RSTART + 7, RLENGTH - 7)
    parent[at] = open_at[depth - 1]
    children[parent[at]] = children[parent[at]] " " at
    open_at[depth] = at
    order[++entries] = at
    next
}
/DW_AT_name / {
    sub(/.*DW_AT_name *: /, "")
    while (sub(/^\([^)]*\):? */, "")) {} # where the text lies, which readelf's versions word differently
    sub(/[ \t]+$/, "")
    name[at] = $0
}
/DW_AT_byte_size / { size[at] = $NF }
/DW_AT_data_member_location/ { offset[at] = $NF }
/DW_AT_decl_file / { from[at] = $NF }
/DW_AT_upper_bound/ { bound[at] = $NF }
/DW_AT_type / { match($0, /<0x[0-9a-f]+>/); type[at] = substr($0, RSTART + 3, RLENGTH - 4) }

# ---- Writing. ----

function parameters(of, list, count, i, text) {
    count = split(children[of], list, " ")
    for (i = 1; i <= count; i++) {
        text = text (i > 1 ? ", " : "") spell(type[list[i]])
    }
    return text ? text : "void"
}

function spell(of, list, count, i, text) {
    if (of == "") return "void"
    if (tag[of] == "const_type") return "const " spell(type[of])
    if (tag[of] == "subroutine_type") return spell(type[of]) " (" parameters(of) ")"
    if (tag[of] == "pointer_type") return spell(type[of]) (tag[type[of]] == "pointer_type" ? "*" : " *")
    if (tag[of] == "structure_type" && name[of] == "") return "struct"
    if (tag[of] == "array_type") {
        count = split(children[of], list, " ")
        for (i = 1; i <= count; i++) text = text "[" bound[list[i]] + 1 "]"
        return spell(type[of]) text
    }
    return name[of]
}

# What is compiled into the plugin is not part of the interface; arrays of some structs are stepped
# by a stride that comes with them.
BEGIN {
    count = split("augment_math.h layers.h philox.h queue.h resample.h", list, " ")
    for (i = 1; i <= count; i++) inlined[list[i]] = 1
    strided["kd_view"] = strided["kd_method_program"] = 1
}

function grows(at, first) {
    return name[at] in strided || (name[first] == "size" && spell(type[first]) == "uint32_t")
}

function show(at, list, count, i) {
    count = split(children[at], list, " ")
    printf "%s %s    - %d bytes%s\n", file[from[at]], name[at], size[at],
        grows(at, list[1]) ? ", may grow" : ""
    for (i = 1; i <= count; i++) {
        printf "%s %s %4d %s: %s\n", file[from[at]], name[at], offset[list[i]], name[list[i]],
            spell(type[list[i]])
    }
}

END {
    for (e = 1; e <= entries; e++) {
        at = order[e]
        if (tag[at] == "structure_type" && name[at] ~ /^kd_/ && size[at] && !(file[from[at]] in inlined))
            show(at)
    }
}
