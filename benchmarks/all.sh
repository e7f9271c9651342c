#!/usr/bin/env bash
# Every benchmark, one after another; all but threads on one thread. Tables go to the terminal, figures to results/.
# The extra `bench` brings the peers. "$@" goes to those that take it: --quick, --only TEXT.
# On a machine where others work the ratios still hold, more or less; on a quiet one so do the times.
set -euo pipefail
cd "$(dirname "$0")"

python=${PYTHON:-python}
for name in adbench/gmm adbench/ba adbench/lstm calls rows chains networks first_call \
    ratios threads memory compile_time; do
    echo "==> $name"
    "$python" "$name.py" "$@"
done
