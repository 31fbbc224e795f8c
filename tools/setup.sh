#!/bin/sh
# Installs those of the Debian packages in tools/packages.txt that are missing, and nothing else.
set -eu
cd "$(dirname "$0")/.."

if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is no Debian; install what tools/packages.txt names by your own means," >&2
    echo "setup: then run: meson setup build && ninja -C build" >&2
    exit 1
fi

missing=
while read -r package; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done <tools/packages.txt
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup: missing Debian packages. As root:" >&2
    echo "    apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null
# shellcheck disable=SC2086 # a list of words
apt-get -q -y install --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null
