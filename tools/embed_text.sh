#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a file as the C text `NAME`: tools/embed_text.sh NAME FILE
set -eu
printf '#pragma GCC diagnostic ignored "-Woverlength-strings"\n'
printf 'extern const char %s[];\nconst char %s[] =\n' "$1" "$1"
sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' "$2"
echo '    "";'
