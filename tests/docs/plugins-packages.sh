# Two versions of the plugin that the page ships, built as it stands when `kindred plugin new` has made it.
command kindred plugin new --kind method org.example.simclr
version() { # 1.2.0 FOLDER
    sed -i "s/\(\"org.example.simclr\", \"\)[^\"]*/\1$1/" simclr/simclr.c
    mkdir -p "$2"
    "${CC:-cc}" -std=c11 -shared -fPIC -I "$DOCS/../../core/include" \
        -Wl,-z,relro,-z,now,--version-script="$DOCS/../../plugins/plugin.map" simclr/simclr.c -o "$2/simclr.so" -lm
}
version 1.1.0 older
version 1.2.0 build
cp simclr/LICENSE LICENSE

# The earlier version is packed too, and installed before it is removed.
kindred() {
    case "$1 $2" in
    "plugin pack")
        command kindred "$@"
        command kindred plugin pack older/simclr.so LICENSE --key lab.key
        mkdir packages
        cp ./*.kdpkg packages/
        ;;
    "plugin remove")
        command kindred plugin install org.example.simclr-1.1.0.kdpkg
        command kindred "$@"
        ;;
    "plugin outdated") command kindred plugin outdated --from packages ;;
    *) command kindred "$@" ;;
    esac
}
