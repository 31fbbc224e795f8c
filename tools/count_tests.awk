# Counts tests in Meson's testlog.txt: a Criterion program has as many as its synthesis says, every
# other program is one. What a program says it leaves out is said again. Fails when one failed.
function finish() {
    if (!open) {
        return
    }
    programs++
    if (counted && (ok || failing > 0)) {
        passed += passing
        failed += failing
    } else if (skip) {
        skipped++
    } else {
        passed += ok
        failed += !ok
    }
    open = counted = ok = skip = 0
}
/^=+ [0-9]+\/[0-9]+ =+$/ { finish(); open = 1 }
/^result: / && open { ok = /exit status 0/; skip = /exit status 77/ }
/^test: / && open { name = $NF }
/^left out: / && open { left_out[++reasons] = name ": " substr($0, 11) }
/Synthesis: Tested:/ && open {
    gsub(/\033\[[0-9;]*m/, "")
    counted = 1
    passing = failing = 0
    for (i = 1; i < NF; i++) {
        if ($i == "Passing:") passing = $(i + 1)
        if ($i == "Failing:") failing = $(i + 1)
    }
}
END {
    finish()
    printf "%d passed, %d failed", passed, failed
    if (skipped > 0) {
        printf ", %d skipped", skipped
    }
    printf " (%d test programs)\n", programs
    for (i = 1; i <= reasons; i++) {
        print "left out of " left_out[i]
    }
    exit failed > 0 || programs == 0
}
