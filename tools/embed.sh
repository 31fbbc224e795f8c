#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the files below a folder as rows of a C table, {"kind", "path", "text", executable}:
#
#     tools/embed.sh share/templates          (KIND/PATH makes a row of that kind and path)
#
# core/cli/templates.h has the type.
set -eu
cd "$1"
echo '#include "cli/templates.h"'
echo '#pragma GCC diagnostic ignored "-Woverlength-strings"'
echo 'const template_file template_files[] = {'
find . -type f | LC_ALL=C sort | while read -r path; do
    path=${path#./}
    test -x "$path" && runs=true || runs=false
    printf '    {"%s", "%s",\n' "${path%%/*}" "${path#*/}"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$path"
    printf '     , %s},\n' "$runs"
done
echo '    {NULL, NULL, NULL, false}};'
