#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Times the whole SimCLR step of kindred and of PyTorch side by side: bench/step.sh [options of
# step.py]. On a machine that does nothing else, or the numbers mean little.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$(nproc)}"
exec "${PYTHON:-python3}" "$here/step.py" "$@"
