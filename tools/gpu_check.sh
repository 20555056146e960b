#!/usr/bin/env bash
# One command on a GPU machine: does every kernel run and agree, does the graph replay, what are the figures. Needs the driver, CUDA's
# runtime tools for compute-sanitizer (left out where missing) and cuDNN; PyTorch for the comparison (left out where missing). Uses the
# package it lies in (tools/package.sh) or builds from the source tree. Finishes in eight minutes.
#
#   tools/gpu_check.sh [RESULTS_FOLDER]          default: tools/bench/results beside this script
#
# Writes <gpu>.json (figures) and <gpu>-check.log (everything printed), ends with a table, and with exit code 1 if a check failed.
set -uo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$tools")
results=$(realpath -m "${1:-$tools/bench/results}")
mkdir -p "$results"

if ! command -v nvidia-smi >/dev/null || ! gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1) || [[ -z $gpu ]]; then
  echo "gpu_check: no NVIDIA GPU here; the emulated device runs in tools/test.sh" >&2
  exit 2
fi
slug=$(tr '[:upper:]' '[:lower:]' <<<"$gpu" | sed -E 's/[^a-z0-9]+/-/g; s/^-|-$//g')
log=$results/$slug-check.log
: >"$log"

if [[ -x $root/bin/kelvin ]]; then
  bin=$root/bin
else
  build=$(KELVIN_CMAKE_FLAGS="-DKELVIN_CUDA=ON -DKELVIN_CUDA_ARCHITECTURES=native" "$tools/build.sh") || exit 1
  bin=$build/bin
  cmake --build "$build" --target kernel_lab >&2 || exit 1
fi

python=$(command -v python3 || command -v python || true)
# cuDNN and cuBLAS from the toolkit or from PyTorch's wheels, whichever are there.
if [[ -n $python ]]; then
  wheels=$("$python" -c "import glob, os, sysconfig; print(':'.join(glob.glob(os.path.join(sysconfig.get_path('purelib'), 'nvidia', '*', 'lib'))))" 2>/dev/null)
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/cuda/lib64${wheels:+:$wheels}
fi

rows=()
# check NAME SECONDS COMMAND...: runs it, keeps its output, notes how it ended.
check() {
  local name=$1 limit=$2 begin=$SECONDS status
  shift 2
  echo "== $name: $*" | tee -a "$log"
  timeout "$limit" "$@" >>"$log" 2>&1
  status=$?
  local verdict=passed
  if ((status == 124)); then verdict="stopped after $limit s"; elif ((status != 0)); then verdict="FAILED ($status)"; fi
  rows+=("$(printf '%-34s %-20s %4d s' "$name" "$verdict" $((SECONDS - begin)))")
  return $status
}

failed=0
check "parity of every op and kernel" 120 "$bin/ops_tests" --gtest_filter='*CudaParity*:KernelParity*' || failed=1
check "graph replay, training, attack" 90 "$bin/gpu_tests" || failed=1
check "description of the GPU" 30 "$bin/planned_graphs_tests" --gtest_filter='*DescriptionOfThisGpu' || failed=1
if sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null); then
  check "compute-sanitizer memcheck" 90 "$sanitizer" --tool memcheck --error-exitcode 1 "$bin/ops_tests" --gtest_filter='KernelParity*' || failed=1
  check "compute-sanitizer racecheck" 90 "$sanitizer" --tool racecheck --error-exitcode 1 "$bin/ops_tests" --gtest_filter='KernelParity*' || failed=1
else
  rows+=("compute-sanitizer                  not on this machine")
fi
check "kernel lab: softmax cross-entropy" 40 "$bin/softmax_cross_entropy_lab" || failed=1
check "kernel lab: PGD step" 40 "$bin/pgd_step_lab" || failed=1
if [[ -n $python ]] && "$python" -c "import torch, sys; sys.exit(not torch.cuda.is_available())" 2>/dev/null; then
  check "kelvin and PyTorch" 150 "$python" "$tools/bench/compare.py" --kelvin "$bin/kelvin" --python "$python" --device cuda \
    --cases train-resnet50,train-resnet18,pgd20-resnet18 --precision f32,tf32,bf16 --rounds 1 --seconds 2 --compile \
    --output "$results/$slug.json" || failed=1
else
  check "kelvin bench" 60 "$bin/kelvin" bench --device cuda --cases train-resnet50,train-resnet18,pgd20-resnet18 --json || failed=1
  rows+=("comparison with PyTorch            no PyTorch with CUDA here")
fi

grep -vE "^\[ *(RUN|OK|SKIPPED)|^$" "$log" | tail -70
printf '\n%s\n' "$gpu"
printf '%s\n' "${rows[@]}"
echo "log: $log"
exit $failed
