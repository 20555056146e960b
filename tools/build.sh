#!/usr/bin/env bash
# Configures and builds outside the source tree; prints the build folder. Usage: tools/build.sh [TARGET...]
#   KELVIN_BUILD_DIR     the folder; by default one a source path under ~/.cache/kelvin
#   KELVIN_CMAKE_FLAGS   more flags for the configuration, e.g. "-DKELVIN_WERROR=ON"
#   KELVIN_QUICK=1       a new folder is for this machine alone: kernels for its CPU's level, CUDA's for its GPU, and none without one
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
hash=$(printf %s "$source_dir" | cksum | cut -d' ' -f1)
build_dir=${KELVIN_BUILD_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kelvin/build-$hash}

read -ra flags <<<"${KELVIN_CMAKE_FLAGS:-}"
if [[ -n ${KELVIN_QUICK:-} ]]; then
  if [[ ! -f $build_dir/build.ninja ]]; then
    if nvidia-smi -L >/dev/null 2>&1; then
      flags=(-DKELVIN_QUICK=ON -DKELVIN_CUDA_ARCHITECTURES=native "${flags[@]}")
    else
      echo "No NVIDIA GPU here: no CUDA kernels are built; tools/build.sh builds them" >&2
      flags=(-DKELVIN_QUICK=ON -DKELVIN_CUDA=OFF "${flags[@]}")
    fi
  fi
elif grep -qs '^KELVIN_QUICK:BOOL=ON' "$build_dir/CMakeCache.txt"; then  # all that a quick build left out
  flags=(-DKELVIN_QUICK=OFF -DKELVIN_CUDA=AUTO -U KELVIN_CUDA_ARCHITECTURES "${flags[@]}")
fi
# MPI was installed after the last configuration.
if command -v mpicxx >/dev/null && [[ -f $build_dir/build.ninja ]] && ! grep -qs kelvin_mpi "$build_dir/build.ninja"; then
  cmake -S "$source_dir" -B "$build_dir" >&2
fi
# Once configured, the build notices by itself what makes a new configuration necessary.
if [[ ! -f $build_dir/build.ninja || ${#flags[@]} -gt 0 ]]; then
  if command -v ccache >/dev/null; then  # which knows nothing of precompiled headers
    flags+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON)
  fi
  cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release "${flags[@]}" >&2
fi

targets=("$@")
cmake --build "$build_dir" ${targets[@]:+--target "${targets[@]}"} >&2
cd "$build_dir" && pwd -P
