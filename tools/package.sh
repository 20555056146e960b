#!/usr/bin/env bash
# Makes a relocatable package of Kelvin for a GPU machine that has CUDA and cuDNN but none of our other dependencies: the program, the GPU
# tests, the kernel laboratory, the benchmark scripts and the shared libraries they need, found by relative path. Prints its path.
#
#   tools/package.sh [OUTPUT.tar.gz]             default: kelvin-gpu.tar.gz in the current folder
#   KELVIN_PACKAGE_ARCHITECTURES="90-real"       default: 80-real;90-real;90-virtual
#
# Then, over there: tar xzf kelvin-gpu.tar.gz && kelvin-gpu/tools/gpu_check.sh
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
output=$(realpath -m "${1:-kelvin-gpu.tar.gz}")
export KELVIN_BUILD_DIR=${KELVIN_BUILD_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kelvin/package}
# RPATH instead of RUNPATH: it also serves the libraries that our libraries need.
export KELVIN_CMAKE_FLAGS="-DKELVIN_CUDA=ON -DKELVIN_CUDA_ARCHITECTURES=${KELVIN_PACKAGE_ARCHITECTURES:-80-real;90-real;90-virtual} -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags"
programs=(kelvin ops_tests gpu_tests gpu_ranks kernels_tests planned_graphs_tests softmax_cross_entropy_lab pgd_step_lab convolution_lab matmul_lab)
build=$("$tools/build.sh" "${programs[@]}")

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/kelvin-gpu
mkdir -p "$root/bin" "$root/lib" "$root/tools" "$root/tests"
for program in "${programs[@]}"; do strip -o "$root/bin/$program" "$build/bin/$program"; done
cp -r "$build/lib/"libkelvin_kernels.so "$build/lib/glibc-hwcaps" "$root/lib/"
# Not the MPI that it is linked to: mpirun must be of the same one, so that machine's. Another MPI: kernels/processes/README.md.
[[ ! -f $build/lib/libkelvin_mpi.so ]] || cp "$build/lib/libkelvin_mpi.so" "$root/lib/"
mkdir -p "$root/kernels/processes" && cp "$tools/../kernels/processes/"{mpi_plugin.cpp,transport.h,README.md} "$root/kernels/processes/"
# Everything else they load, but the C library and the loader, which belong to the machine.
ldd "$root/bin/"* "$root/lib/libkelvin_kernels.so" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -vE '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so|libkelvin_kernels' | xargs -I{} cp -L {} "$root/lib/"
cp -r "$tools/bench" "$tools/gpu_check.sh" "$root/tools/"
rm -rf "$root/tools/bench/results"
cp -r "$tools/../tests/planned_graphs" "$root/tests/"
git -C "$tools" describe --always --dirty >"$root/COMMIT" 2>/dev/null || echo unknown >"$root/COMMIT"
tar -C "$stage" -czf "$output" kelvin-gpu
printf '%s (%s)\n' "$output" "$(du -h "$output" | cut -f1)"
