#!/usr/bin/env bash
# check.sh SOURCE_FOLDER [NVCC]: a toolkit that cannot be used leaves a build for the CPU, with one line that says why; KELVIN_CUDA=ON stops with
# that line. Toolkits and cuDNN headers are made up, in a temporary folder; NVCC, where there is one, is tried with old cuDNN headers.
set -u
unset CUDNN_ROOT CUDACXX CUDAHOSTCXX
source=$1 nvcc=${2:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fake_nvcc() {  # NAME VERSION: answers --version, compiles nothing
  mkdir -p "$folder/$1/bin"
  printf '#!/bin/sh\n[ "$1" = --version ] && echo "Cuda compilation tools, release %s, V%s.1" && exit 0\nexit 1\n' "$2" "$2" >"$folder/$1/bin/nvcc"
  chmod +x "$folder/$1/bin/nvcc"
}
fake_cudnn() {  # NAME MAJOR MINOR
  mkdir -p "$folder/$1/include"
  touch "$folder/$1/include/cudnn_graph.h"
  printf '#define CUDNN_MAJOR %s\n#define CUDNN_MINOR %s\n#define CUDNN_PATCHLEVEL 0\n' "$2" "$3" >"$folder/$1/include/cudnn_version.h"
}

# expect EXIT_CODE WORDS FLAGS...: what a configuration says of the CUDA device.
expect() {
  local code=$1 words=$2 said got
  shift 2
  rm -rf "$folder/build"
  said=$(cmake -S "$source/tests/toolkits" -B "$folder/build" "$@" 2>&1)
  got=$?
  if [ $got -ne "$code" ] || ! grep -q -- "$words" <<<"$(tr -s ' \n' ' ' <<<"$said")"; then
    printf 'expected exit code %s and "%s" of %s; exit code %s:\n%s\n' "$code" "$words" "$*" $got "$said"
    failed=1
  fi
  # One line about it, and the build goes on.
  if [ "$code" -eq 0 ] && [ "$(grep -c 'CUDA device' <<<"$said")" -ne 1 ]; then
    printf 'expected one line about the CUDA device of %s:\n%s\n' "$*" "$said"
    failed=1
  fi
}

fake_nvcc old 12.4
fake_nvcc broken 13.0
mkdir -p "$folder/silent/bin" && printf '#!/bin/sh\nexit 127\n' >"$folder/silent/bin/nvcc" && chmod +x "$folder/silent/bin/nvcc"
old="of CUDA 12.4, and 13.0 or later is needed" broken="compiles no program" silent="does not answer as nvcc does"
for name in old broken silent; do
  expect 0 "CUDA device: not built: $folder/$name/bin/nvcc.*${!name}.*KELVIN_HAS_CUDA=FALSE" -DKELVIN_NVCC="$folder/$name/bin/nvcc"
done
expect 1 "KELVIN_CUDA=ON: the CUDA device cannot be built: $folder/old/bin/nvcc is $old" -DKELVIN_CUDA=ON -DKELVIN_NVCC="$folder/old/bin/nvcc"
expect 0 "$old.*KELVIN_HAS_CUDA=FALSE" -DCMAKE_CUDA_COMPILER="$folder/old/bin/nvcc"

# cuDNN's headers by themselves: those that are too old are passed over for others, or named where there are no others.
fake_cudnn old-cudnn 9 5
fake_cudnn wheel/nvidia/cudnn 9 10
mkdir -p "$folder/none/include" && touch "$folder/none/include/cudnn_graph.h"
cat >"$folder/find.cmake" <<END
cmake_policy(VERSION 3.25)
set(CMAKE_MODULE_PATH $source/tools/cmake)
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH FALSE)
set(CUDNN_PYTHON "" CACHE STRING "")
find_package(CUDNN 9.8 QUIET)
message("found=\${CUDNN_FOUND} version=\${CUDNN_VERSION} in=\${CUDNN_INCLUDE_DIR}\${CUDNN_PASSED_OVER}")
END
expect_cudnn() {  # WORDS ROOTS
  local said
  said=$(cmake -DCUDNN_ROOT="$2" -P "$folder/find.cmake" 2>&1)
  [ "$said" = "$1" ] && return
  printf 'expected "%s" of cuDNN headers in %s:\n%s\n' "$1" "$2" "$said"
  failed=1
}
passed_over=", not 9.5.0 in $folder/old-cudnn/include, not without a version in $folder/none/include"
expect_cudnn "found=TRUE version=9.10.0 in=$folder/wheel/nvidia/cudnn/include$passed_over" "$folder/old-cudnn;$folder/none;$folder/wheel/nvidia/cudnn"
expect_cudnn "found=FALSE version= in=CUDNN_INCLUDE_DIR-NOTFOUND$passed_over" "$folder/old-cudnn;$folder/none"

if [ -n "$nvcc" ]; then
  expect 0 "toolkit 1.*not 9.5.0 in $folder/old-cudnn/include, for.*KELVIN_HAS_CUDA=TRUE" -DKELVIN_NVCC="$nvcc" -DCUDNN_ROOT="$folder/old-cudnn"
fi
exit $failed
