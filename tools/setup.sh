#!/usr/bin/env bash
# Installs what building, testing and running Kelvin needs on Debian 12 and Ubuntu 24.04.
# Says nothing when nothing is missing; otherwise names the packages first and asks for root only then.
#   tools/setup.sh          what the quickstart and the tests need
#   tools/setup.sh --mpi    and Open MPI, for training on several GPUs or machines (apps/training/DISTRIBUTED.md)
set -euo pipefail

# Programs count as present when they are on PATH, wherever they came from.
declare -A programs=([g++]=g++ [cmake]=cmake [ninja-build]=ninja [curl]=curl [unzip]=unzip)

packages=(
  g++ cmake ninja-build   # compiler and build
  libdnnl-dev             # oneDNN: convolution and matrix products on the CPU
  ocl-icd-opencl-dev      # libdnnl-dev's CMake files ask for OpenCL without depending on it; Kelvin uses none
  zlib1g-dev libjpeg-dev  # gzipped data sets; the JPEG corruption
  libcli11-dev            # command line and TOML
  nlohmann-json3-dev      # JSON
  libssl-dev              # SHA-256 and MD5 of data sets
  libeigen3-dev           # eigenvalues, for the geometry of features
  libxxhash-dev           # checksums of checkpoints, results and caches
  libstb-dev              # PNG images
  libzip-dev              # PyTorch's weight files
  libjs-chart.js          # charts of the report
  libgtest-dev libgmock-dev  # tests
  libboost-context-dev    # tests: fibers of the emulated CUDA device
  dataset-fashion-mnist   # the default data
  curl unzip              # `kelvin data fetch`, `weights fetch`, and their tests
)

case ${1:-} in
  '') ;;
  --mpi) packages+=(libopenmpi-dev openmpi-bin) ;;
  *) echo "setup: not expected: $1; known: --mpi" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup: this system has no apt; install what provides these Debian packages, then build with cmake: ${packages[*]}" >&2
  exit 2
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^installed //p') || true
missing=()
for package in "${packages[@]}"; do
  program=${programs[$package]:-}
  if [[ -n $program ]] && command -v "$program" >/dev/null; then continue; fi
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo; as root run: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi

echo "setup: installing with apt-get${as_root[*]:+ (as root, through sudo)}: ${missing[*]}" >&2
# `env` inside, because sudo does not pass the variable on. Nothing here reads from this script's standard input.
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
"${install[@]}" -qq update >&2
if ! "${install[@]}" install -y -q --no-install-recommends "${missing[@]}" >&2 </dev/null; then
  echo "setup: apt-get could not install: ${missing[*]} (on Ubuntu they are in 'universe': sudo add-apt-repository universe)" >&2
  exit 1
fi
