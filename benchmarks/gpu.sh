#!/usr/bin/env bash
# What to run on a machine with a GPU, without a network; each part takes under nine minutes:
#
#   benchmarks/gpu.sh tests gan lm
#   benchmarks/gpu.sh diffusion
#   benchmarks/gpu.sh evaluation
set -euo pipefail
cd "$(dirname "$0")/.."
export GENCTL_RUNS="${OUT:-$(mktemp -d)}/runs"
python=${PYTHON:-python3}
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}"

tests() {
  $python -m pytest -q tests/gpu
}

gan() {
  for precision in fp32 auto fp32 auto; do
    for width in 16 64; do
      echo "== gan on digits, width $width, $precision"
      $python -m genctl train gan --new --precision $precision --width $width --budget 30s 2>&1 | tail -n 2
      $python -m genctl eval fid --json | $python -c 'import json,sys; s=json.load(sys.stdin); print(s)'
    done
  done
}

lm() {
  echo "== language models"
  $python benchmarks/lm_gpu.py --data "${TEXT:-pydoc}"
}

diffusion() {
  echo "== diffusion"
  $python benchmarks/diffusion_gpu.py
}

evaluation() {
  echo "== evaluation"
  $python benchmarks/evaluation.py --device cuda
}

for part in "${@:-tests gan lm}"; do
  for name in $part; do $name; done
done
$python -m genctl runs ls
