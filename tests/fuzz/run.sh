#!/usr/bin/env bash
# Fuzzes one parser and merges new inputs into its corpus:  tests/fuzz/run.sh PARSER [SECONDS]
# Needs clang with libFuzzer (Debian: clang libclang-rt-dev) and the packages of tools/setup.sh.
set -euo pipefail
parser=${1:?"usage: tests/fuzz/run.sh safetensors|npy|idx|image|annotations [SECONDS]"} seconds=${2:-600}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
corpus=$root/tests/fuzz/corpus/$parser
[[ -d $corpus ]] || { echo "fuzz: no parser $parser; known: $(ls "$root/tests/fuzz/corpus" | tr '\n' ' ')" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -g -O1 -I"$root" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fopenmp=libgomp -Wno-psabi
  -fno-sanitize=nonnull-attribute)  # stb_image copies 0 bytes to null for an empty PNG chunk: harmless
mapfile -t sources < <(cd "$root" && ls engine/{safetensors,safetensors_checksums,safetensors_shards,foreign_file,checksum,input_file,json_text,printable,atomic_file,tensor_file,tensor}.cpp data/{npy,idx,digest,image_file,png_file,bmp_file,jpeg_file,image_cache,image_listing,image_folders,dataset,cifar,cifar10_1,fashion_mnist,npy_dataset,synthetic,hold_out,random_order}.cpp kernels/*.cpp \
  kernels/device/*.cpp kernels/device/no_cuda/*.cpp kernels/onednn/*.cpp kernels/winograd/none/*.cpp)
for source in "${sources[@]}"; do echo "$source"; done | xargs -P "$(nproc)" -I{} sh -c \
  'clang++ "$@" -c "'"$root"'/{}" -o "'"$work"'/$(echo {} | tr / _).o"' sh "${flags[@]}"
clang++ "${flags[@]}" -DKELVIN_FUZZ_PARSER="$parser" "$root/tests/fuzz/fuzz_target.cpp" "$work"/*.o -ldnnl -lz -ljpeg -lgomp -o "$work/fuzz"
mkdir "$work/found"
"$work/fuzz" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=2048 -artifact_prefix="$root/tests/fuzz/" \
  -print_final_stats=1 "$work/found" "$corpus"
"$work/fuzz" -merge=1 "$corpus" "$work/found"
