#!/usr/bin/env bash
# One command on a GPU machine: does every kernel run and agree, does the graph replay, what are the figures. Needs the driver, CUDA's
# runtime tools for compute-sanitizer (left out where missing) and cuDNN; Python to gather the figures into one file, PyTorch for the
# comparison (each left out where missing, and said). Uses the package it lies in (tools/package.sh) or builds from the source tree.
# Finishes in eight minutes.
#
#   tools/gpu_check.sh [RESULTS_FOLDER]              default: tools/bench/results beside this script
#   tools/gpu_check.sh --rehearse [RESULTS_FOLDER]   the same course on the CPU, a minute, nothing about a GPU is measured:
#                                                    for trying this script where there is no GPU; default folder: a temporary one
#
# Writes <gpu>.json (figures) and <gpu>-check.log (everything printed), ends with a table, and with exit code 1 if a check failed.
set -uo pipefail

rehearsal=
if [[ ${1:-} == --rehearse ]]; then rehearsal=1; shift; fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$tools")

if [[ $rehearsal ]]; then
  gpu="rehearsal without a GPU" slug=rehearsal device=cpu
  results=$(realpath -m "${1:-$(mktemp -d)}")
elif command -v nvidia-smi >/dev/null && gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1) && [[ -n $gpu ]]; then
  slug=$(tr '[:upper:]' '[:lower:]' <<<"$gpu" | sed -E 's/[^a-z0-9]+/-/g; s/^-|-$//g') device=cuda
  results=$(realpath -m "${1:-$tools/bench/results}")
else
  echo "gpu_check: no NVIDIA GPU here; the emulated device runs in tools/test.sh, and --rehearse tries this script" >&2
  exit 2
fi
mkdir -p "$results" || exit 2
log=$results/$slug-check.log
: >"$log" || exit 2
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

if [[ -n ${KELVIN_BIN:-} ]]; then
  bin=$KELVIN_BIN
elif [[ -x $root/bin/kelvin ]]; then
  bin=$root/bin
else
  # A rehearsal has no GPU to ask for its architecture, and perhaps no toolkit.
  [[ $rehearsal ]] || export KELVIN_CMAKE_FLAGS="-DKELVIN_CUDA=ON -DKELVIN_CUDA_ARCHITECTURES=native"
  build=$("$tools/build.sh") || exit 1
  bin=$build/bin
  [[ $rehearsal ]] || cmake --build "$build" --target kernel_lab >&2 || exit 1
fi

# A Python that has PyTorch, if there is one.
python=$(command -v "${KELVIN_PYTHON:-python3}" || command -v python || true)
# cuDNN and cuBLAS from the toolkit or from PyTorch's wheels, whichever are there.
if [[ -n $python ]]; then
  wheels=$("$python" -c "import glob, os, sysconfig; print(':'.join(glob.glob(os.path.join(sysconfig.get_path('purelib'), 'nvidia', '*', 'lib'))))" 2>/dev/null)
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/cuda/lib64${wheels:+:$wheels}
fi

SECONDS=0  # a build from source does not count
rows=()
note() { rows+=("$(printf '%-38s %s' "$1" "$2")"); }
verdict() {
  case $1 in
    0) echo passed ;;
    124 | 137) echo "STOPPED, too slow" ;;
    *) echo "FAILED ($1)" ;;
  esac
}
# check NAME SECONDS OUTPUT COMMAND...: runs it, keeps its output in the log (and, unless it is -, standard output in OUTPUT), notes how it ended.
check() {
  local name=$1 limit=$2 output=$3 begin=$SECONDS status
  shift 3
  echo "== $name: $*" | tee -a "$log"
  if [[ $output == - ]]; then
    timeout -k 5 "$limit" "$@" >>"$log" 2>&1
    status=$?
  else
    timeout -k 5 "$limit" "$@" >"$output" 2>>"$log"
    status=$?
    cat "$output" >>"$log"
  fi
  note "$name" "$(printf '%-20s %4d s' "$(verdict $status)" $((SECONDS - begin)))"
  return $status
}

# begin NAME SECONDS COMMAND...: a check in which nothing is timed, beside others like it. Each is a process of its own, since after a fault of
# the GPU nothing in the same process works.
names=() pids=()
begin() {
  local name=$1 limit=$2 at=$parts/begun-${#names[@]}
  shift 2
  names+=("$name")
  printf '%q ' "$@" >"$at.command"
  { start=$SECONDS; OMP_WAIT_POLICY=passive timeout -k 5 "$limit" "$@" >"$at.output" 2>&1; echo "$? $((SECONDS - start))" >"$at.status"; } &
  pids+=($!)
}
# Waits for them all. One that fails runs once more, alone and with every launch waited for, where the log names the one at fault.
finish() {
  local index at status took
  for index in "${!names[@]}"; do
    at=$parts/begun-$index
    wait "${pids[index]}"
    read -r status took <"$at.status"
    { echo "== ${names[index]}: $(<"$at.command")"; cat "$at.output"; } >>"$log"
    note "${names[index]}" "$(printf '%-20s %4d s' "$(verdict "$status")" "$took")"
    ((status == 0)) && continue
    failed=1
    [[ $rehearsal || ${names[index]} == compute-sanitizer* ]] ||
      check "${names[index]}, once more" 60 - env CUDA_LAUNCH_BLOCKING=1 bash -c "$(<"$at.command")"
  done
}
report() {
  "$python" "$tools/bench/gpu_report.py" --gpu "$gpu" --parts "$parts" --output "$results/$slug.json"
}

failed=0
# Without this a program that cannot use the GPU would skip every test and pass.
if ! check "the program and its device" 60 - "$bin/kelvin" bench --device "$device" --cases infer-resnet8 --seconds 0.2; then
  tail -3 "$log" >&2
  echo "gpu_check: bin/kelvin cannot use this device; nothing else was tried. Log: $log" >&2
  exit 1
fi
# PyTorch and its compiler: a minute a network and mode, on the CPU's cores, while the checks run. What it makes is kept for the comparison.
has_torch='import torch, sys; sys.exit(not torch.cuda.is_available())'
[[ $rehearsal ]] && has_torch='import torch'
torch=
[[ -n $python ]] && "$python" -c "$has_torch" 2>/dev/null && torch=1
compilers=()
if [[ $torch && ! $rehearsal ]]; then
  for how in "tf32 float32" "bf16 autocast" "bf16 bfloat16-model" "f32 float32"; do
    for mode in default reduce-overhead; do
      timeout -k 5 170 "$python" "$tools/bench/peers/pytorch_peer.py" --device cuda --cases train-resnet50 --seconds 0.1 \
        --precision "${how% *}" --variant "${how#* }" --compile "$mode" >/dev/null 2>&1 &
      compilers+=($!)
    done
  done
fi

begin "parity of kernels" 180 "$bin/ops_tests" --gtest_filter='-*CudaParity*:*OpTest*' --gtest_output=json:"$parts/kernels.tests.json"
begin "parity of ops" 180 "$bin/ops_tests" --gtest_filter='*CudaParity*-*attention*' --gtest_output=json:"$parts/ops.tests.json"
begin "parity of attention" 180 "$bin/ops_tests" --gtest_filter='*CudaParity*attention*' --gtest_output=json:"$parts/attention.tests.json"
begin "fused graphs" 180 "$bin/gpu_tests" --gtest_filter='AttentionOnGpu*' --gtest_output=json:"$parts/fused_graphs.tests.json"
begin "graph replay, training" 180 "$bin/gpu_tests" --gtest_filter='OnGpu*:SideStreamOnGpu*' --gtest_output=json:"$parts/replay.tests.json"
begin "the same, split products everywhere" 180 env KELVIN_SPLIT_PRODUCTS=always "$bin/gpu_tests" --gtest_filter='OnGpu*' --gtest_output=json:"$parts/split.tests.json"
[[ $rehearsal && ! -x $bin/planned_graphs_tests ]] || begin "description of the GPU" 60 "$bin/planned_graphs_tests" --gtest_filter='*DescriptionOfThisGpu'
if [[ $rehearsal ]]; then
  note "compute-sanitizer" "needs a GPU"
elif sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null); then
  # Our kernels. Not the one that asks for more memory than there is, and no library of half a gigabyte under instrumentation.
  for tool in memcheck racecheck; do
    begin "compute-sanitizer $tool" 180 "$sanitizer" --tool $tool --report-api-errors no --error-exitcode 1 "$bin/ops_tests" \
      --gtest_filter='KernelParity*:PatchesParity*:SplitMatmulParity*:*CudaParity*norm*:*CudaParity*pool*-*OutOfMemory*:*Products*'
  done
else
  note "compute-sanitizer" "not on this machine (neither on PATH nor in /usr/local/cuda/bin)"
fi
finish
# Several GPUs: sums over them, and training steps whose exchange overlaps with the backward pass.
if [[ $rehearsal ]]; then gpus=2; else gpus=$(nvidia-smi -L | wc -l); fi
if ((gpus < 2)); then
  note "several GPUs" "there is one"
elif ! command -v mpirun >/dev/null; then
  note "several GPUs" "$gpus, but no mpirun (Open MPI: openmpi-bin)"
elif [[ ! $rehearsal ]]; then
  for ranks in 2 "$gpus"; do
    for case in sums replayed-sums "training resnet8 twice" unusual-parameters early accumulated; do
      check "$ranks GPUs: $case" 60 - mpirun --allow-run-as-root -n "$ranks" "$bin/gpu_ranks" $case || failed=1
    done
    ((gpus > 2)) || break
  done
fi
wait "${compilers[@]}"  # from here on figures are taken, and nothing else runs
for study in softmax_cross_entropy pgd_step convolution matmul; do
  if [[ $rehearsal ]]; then
    note "kernel lab: $study" "needs a GPU"
  else
    check "kernel lab: $study" 40 "$parts/$study.lab.txt" "$bin/${study}_lab" || failed=1
  fi
done

if [[ $rehearsal ]]; then
  profiled=train-resnet8 few=8
else
  profiled=train-resnet50,pgd20-resnet18,train-vit_small_patch4 few=128
fi
for how in bf16 "f32 --tf32" f32; do
  name=${how#f32 --}
  check "where a step's time goes, $name" 30 "$parts/$name.profile.json" "$bin/kelvin" bench --device "$device" --cases "$profiled" \
    --precision $how --batch "$few" --seconds 0.3 --profile --json || failed=1
done

if ((gpus > 1)) && command -v mpirun >/dev/null && [[ -n $python ]]; then
  counts=1
  for ((n = 2; n < gpus; n *= 2)); do counts+=,$n; done
  small=()
  [[ ! $rehearsal ]] || small=(--model resnet8 --precision f32 --batch 8 --steps 8)
  check "training on 1 to $gpus GPUs" 240 - "$python" "$tools/bench/several_gpus.py" --kelvin "$bin/kelvin" --device "$device" \
    --ranks "$counts,$gpus" "${small[@]}" --output "$parts/several_gpus.json" || failed=1
fi

# In order of importance: compare.py leaves out what it has no time for, and says so.
if [[ $rehearsal ]]; then
  cases=train-resnet8,pgd20-resnet8 precisions=f32 seconds=0.3 budget=30 batch=8
else
  cases=train-resnet50,train-resnet50:compile,pgd20-resnet18,pgd20-resnet50,train-vit_small_patch4,train-resnet18,infer-resnet50
  precisions=bf16,tf32,f32 seconds=0.7 batch=128
  budget=$((SECONDS < 380 ? 440 - SECONDS : 60))  # what is left of eight minutes, less the case that is begun last
fi
if [[ -z $python ]]; then
  note "comparison with PyTorch" "no Python here"
elif [[ ! $torch ]]; then
  note "comparison with PyTorch" "$python has no PyTorch that sees this device"
else
  "$python" -c 'import timm' 2>/dev/null || { note "vision transformers of PyTorch" "left out: no timm"; cases=$(sed -E 's/,[a-z]+-vit[^,]*//g' <<<"$cases"); }
  report >>"$log" 2>&1  # whoever stops the comparison has the rest
  check "kelvin and PyTorch" $((budget + 80)) - "$python" "$tools/bench/compare.py" --kelvin "$bin/kelvin" --python "$python" --device "$device" \
    --cases "$cases" --precision "$precisions" --batch "$batch" --rounds 1 --seconds "$seconds" --budget "$budget" \
    --output "$parts/comparison.json" || failed=1
fi
if [[ ! -s $parts/comparison.json ]]; then
  check "kelvin bench" 60 "$parts/bench.json" "$bin/kelvin" bench --device "$device" --cases "$(sed -E 's/,[^,]*:compile//g' <<<"$cases")" --batch "$batch" --seconds "$seconds" --json || failed=1
fi

sed -E '/^\[ *(RUN|OK|SKIPPED)|^$/d' "$log" | tail -70
if [[ -n $python ]]; then
  report | tee -a "$log" || failed=1
else
  note "one file of figures" "no Python here: they are in the log"
fi
printf '\n%s\n' "$gpu"
printf '%s\n' "${rows[@]}"
echo "log: $log"
exit $failed
