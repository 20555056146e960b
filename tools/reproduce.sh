#!/usr/bin/env bash
# Three tables of apps/analysis/FINDINGS.md, one after another: temperatures, their controls, adversarial training; three seeds each.
# tools/reproduce.sh OUT [flags of kelvin sweep]: about two hours on two cores; the same command continues what was stopped.
# On a GPU: tools/reproduce.sh OUT --train-limit 0 --epochs 30 --model resnet20 --attack-limit 1000
set -euo pipefail

if [[ $# -lt 1 || $1 == -* ]]; then
  echo "usage: tools/reproduce.sh OUT [flags of kelvin sweep]" >&2
  exit 2
fi
out=$1
shift
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
"$tools/setup.sh"
build_dir=$("$tools/build.sh" kelvin)
flags=("$@")
[[ " $* " == *" --seeds"* ]] || flags+=(--seeds 0,1,2)
[[ " $* " == *" --jobs"* ]] || flags+=(--jobs 2)
for preset in temperatures controls adversarial; do
  "$build_dir/bin/kelvin" sweep --preset "$preset" "${flags[@]}" --out "$out/$preset"
done
