#!/usr/bin/env bash
# What to run on a machine with a GPU, in under nine minutes and without a network:
# the GPU tests, then digits per second in float32 and with mixed precision, then language models.
set -euo pipefail
cd "$(dirname "$0")/.."
export GENCTL_RUNS="${OUT:-$(mktemp -d)}/runs"
python=${PYTHON:-python3}
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}"

$python -m pytest -q -m gpu
for amp in off auto off auto; do
  for width in 16 64; do
    echo "== gan on digits, width $width, amp $amp"
    $python -m genctl train gan --new --amp $amp --width $width --budget 30s 2>&1 | tail -n 2
    $python -m genctl eval fid --json | $python -c 'import json,sys; s=json.load(sys.stdin); print(s)'
  done
done
echo "== language models"
$python benchmarks/lm_gpu.py --data "${TEXT:-pydoc}"
$python -m genctl runs ls
