#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/reference says what the notes of this build say: reference_is_current.sh SOURCE BUILD
set -eu
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp -r "$1/docs/reference/." "$fresh"
"$1/tools/reference.sh" "$2" "$fresh"
if ! diff -ru "$1/docs/reference" "$fresh"; then
    echo "docs/reference is not current: run tools/reference.sh $2" >&2
    exit 1
fi
