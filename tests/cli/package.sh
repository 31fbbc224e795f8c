# A lab packs, a user trusts, installs, trains and removes. The key is of tests only.
export HOME=$PWD XDG_DATA_HOME=$PWD/data XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config
export SOURCE_DATE_EPOCH=1700000000
umask 022
cat >lab.key <<'END'
untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAozFtp4eMTWULjDKLVn3eZzP8BrdU5BVkEz4NgE+6LYBe4aTIHJZ5qKzWzD74QijpAGGosuVCuLIIZ7/7PXvEb07a7U1Aq5xUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
END
cat >lab.pub <<'END'
untrusted comment: minisign public key 654D8C87A76D31A3
RWSjMW2nh4xNZazWzD74QijpAGGosuVCuLIIZ7/7PXvEb07a7U1Aq5xU
END
echo free >LICENSE
simclr=$KINDRED_TEST_PLUGINS/methods/simclr.so

echo "--- what cannot be packed"
status kindred plugin pack LICENSE
status kindred plugin pack run.yaml.so
cp run.yaml text.so
status kindred plugin pack text.so
status kindred plugin pack $simclr $KINDRED_TEST_PLUGINS/methods/byol.so
status kindred plugin pack $simclr $simclr
status kindred plugin pack $simclr --key lab.key
chmod 600 lab.key lab.pub
status kindred plugin pack $simclr --key lab.pub
status kindred plugin pack $simclr --key none.key
status kindred plugin pack

echo "--- packed"
kindred plugin pack $simclr LICENSE --key lab.key
status kindred plugin verify simclr-1.0.0.kdpkg
status kindred plugin install simclr-1.0.0.kdpkg
status kindred plugin trust lab.pub --until soon
status kindred plugin trust LICENSE
kindred plugin trust lab.pub --ids 'simclr byol org.example.*' --until 2099-12-31
status kindred plugin verify simclr-1.0.0.kdpkg
status kindred plugin install simclr-1.0.0.kdpkg --user --system
kindred plugin install simclr-1.0.0.kdpkg
kindred plugin install simclr-1.0.0.kdpkg
kindred plugin list --all | grep -A1 'data/kindred'
kindred plugin outdated

echo "--- used"
kindred train run.yaml >log 2>&1 && grep '"path"' runs/small/plugins.lock | grep -o 'data/kindred.*so'
status kindred plugin remove simclr
cp runs/small/plugins.lock .
kindred train run.yaml --locked name=again >log 2>&1 && echo trained

echo "--- changed"
installed=data/kindred/plugins/*/simclr-1.0.0/simclr.so
echo >>$(echo $installed)
status kindred train run.yaml name=third
kindred train run.yaml --locked name=third 2>&1 | sed 's/[0-9a-f]\{12\}/DIGEST/g'
rm -r runs plugins.lock
kindred plugin remove simclr@1.0.0

echo "--- with a companion"
corpus=$(dirname "$KINDRED_TEST_PLUGINS")/tests/plugin_corpus
cp $corpus/brings_op_cuda.so cubes.so
status kindred plugin pack cubes.so
cp $corpus/brings_op_lazy_companion.fake.so cubes.cuda.so
status kindred plugin pack cubes.so
cp $corpus/brings_op_cuda.cuda.so cubes.cuda.so
cp cubes.cuda.so other.cuda.so
status kindred plugin pack cubes.so other.cuda.so
kindred plugin pack cubes.so --key lab.key
kindred plugin verify org.example.cubes-1.0.0.kdpkg
kindred plugin install org.example.cubes-1.0.0.kdpkg
kindred plugin list --all | grep -e 'org.example.cubes-' -e 'signed by'
kindred plugin outdated
echo >>$(echo data/kindred/plugins/*/org.example.cubes-1.0.0/cubes.cuda.so)
kindred plugin list --all | grep -e 'org.example.cubes-' -e 'signed by'
status kindred train run.yaml 'method={plugin: org.example.cubes}' name=cubes
kindred plugin remove org.example.cubes

echo "--- not there"
status kindred plugin remove simclr@1.0.0
status kindred plugin outdated --from nowhere
status kindred plugin key lab
