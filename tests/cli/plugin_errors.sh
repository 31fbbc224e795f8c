# Ways in which a plugin is wrong: each is named, and what to do about it. (Packages that are wrong:
# golden/package/errors.txt.)
corpus=$(dirname "$KINDRED_TEST_PLUGINS")/tests/plugin_corpus
unset KINDRED_PLUGIN_PATH
umask 022
copy() { # PLUGIN FILE
    cat "$corpus/$1.so" >"$2"
}
poke() { # FILE OFFSET BYTES: overwrites
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
named() { # WHAT: the file x.so, named on the command line
    echo "--- $1"
    status kindred plugin describe good --plugin x.so
}
trains() { # WHAT KEY=VALUE... : a run with x.so
    echo "--- $1"
    shift
    status kindred train run.yaml --plugin x.so "$@" 2>&1 | sed 's/hint: there are:.*/hint: there are: .../; s/ (core dumped)//'
}
for what in 'no note:no_note' 'a default out of range:option_default' 'a default that is no number:option_unparsed' \
    'a default that is no choice:option_choice' 'an option outside of the struct:option_outside' \
    'an option of another size:option_size' 'an option twice:option_twice' \
    'an option with a bad name:option_name'; do
    copy "${what#*:}" x.so
    named "${what%:*}"
done
copy good x.so && poke x.so 4 '\001' && named '32 bits'
copy good x.so && poke x.so 5 '\002' && named 'big-endian'
printf '#!/bin/sh\n' >x.so && named 'no ELF file'
: >x.so && named 'an empty file'
copy good whole && head -c 2000 whole >x.so && named 'cut short'
rm x.so && named 'not there'
mkdir x.so && named 'a folder' && rmdir x.so

copy good good.so && copy good again.so && mkdir two && mv good.so again.so two
echo '--- one id twice'
status kindred train run.yaml --plugin-path two method='{plugin: good, weights: x}'

trains 'no such plugin' method.plugin=simcrl
copy good x.so
trains 'another kind' data.plugin=good
trains 'a required option that is missing' method='{plugin: good}'
trains 'an option that it has not' method='{plugin: good, weights: x, temprature: 1}'
trains 'a version that is not there' method='{plugin: good@9, weights: x}'
copy good x.so && poke x.so 18 '\267\000'
trains 'another machine' method='{plugin: good, weights: x}'
for what in 'another ABI:abi_major:abi_major' 'a later minor:abi_minor:abi_minor' \
    'another instruction set:variant_1_0_v9:variant' \
    'a library that is not there:needs_library:needs_library' \
    'a symbol that nobody has:unresolved:unresolved' 'no entry:no_entry:no_entry' \
    'a function that is missing:missing_slot:missing_slot' \
    'code that says another id:other_id:other_id' 'an entry that fails:entry_fails:entry_fails' \
    'an entry that crashes:breaks_crash:breaks' 'an entry that exits:breaks_exit:breaks' \
    'a C library that is newer:breaks_glibc:breaks'; do
    file=${what#*:}
    copy "${file%:*}" x.so
    trains "${what%%:*}" method="{plugin: ${what##*:}}"
done
rm -r runs 2>/dev/null

kindred train run.yaml 'evals=[]' >/dev/null 2>&1
ls runs/small/checkpoints >before
copy breaks_entry x.so
trains 'an eval that crashes when it is loaded, and the checkpoints of the run' --resume \
    evals='[{plugin: org.example.my_plugin}]'
ls runs/small/checkpoints | diff before - && kindred eval runs/small 'evals=[{plugin: knn, k: 5}]' >/dev/null 2>&1
echo "status $?"
rm -r runs before

export HOME=$PWD/home XDG_CONFIG_HOME=$PWD/config
unset XDG_DATA_HOME
user=$HOME/.local/share/kindred/plugins/x86_64-linux-gnu
mkdir -p "$user" config/kindred own
copy sound "$user/sound.so"
echo '--- unsigned, where signatures are required'
status kindred train run.yaml method='{plugin: breaks}'
echo '--- others may write to the file'
chmod 666 "$user/sound.so"
status kindred train run.yaml method='{plugin: breaks}'
echo '--- others may write to the folder'
chmod 644 "$user/sound.so" && chmod 777 "$user"
status kindred train run.yaml method='{plugin: breaks}'
echo '--- a lock of other plugins'
status kindred train run.yaml --locked
echo '{"plugins": [{"kind": "method", "id": "simclr", "version": "0.9.0", "isa": "", "sha256": "00"}]}' >plugins.lock
status kindred train run.yaml --locked 2>&1
chmod -R u+w home
rm -r home config own two whole good.so x.so again.so plugins.lock 2>/dev/null
ls
