#!/usr/bin/env bash
# Fuzzes one parser and keeps new inputs in its corpus:  tests/fuzz/run.sh PARSER [SECONDS]
# Needs clang with libFuzzer (Debian: clang libclang-rt-dev), Python and the packages of tools/setup.sh.
#
# A third of the time goes to inputs of up to a megabyte, begun from large_seeds.py, the rest to short ones, which run
# faster. An input that takes ten seconds, 128 MB in one piece or a gigabyte in all is a defect, as a crash is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
known=$(ls "$here/corpus" | tr '\n' ' ')
parser=${1:-} seconds=${2:-600} corpus=$here/corpus/${1:-}
[[ -n $parser && -d $corpus ]] || { echo "usage: tests/fuzz/run.sh PARSER [SECONDS]; parsers: $known" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# stb_image copies 0 bytes to null for an empty PNG chunk (nonnull-attribute), which does no harm.
flags=(-std=c++20 -g1 -O1 -I"$root" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
  -fno-sanitize=nonnull-attribute -fopenmp=libgomp -Wno-psabi -Wno-unknown-warning-option)
sources=(engine/{safetensors,safetensors_checksums,safetensors_shards,foreign_file,checksum,input_file,json_text}.cpp
  engine/{checked_json,printable,atomic_file,tensor_file}.cpp
  engine/pytorch_file/{pytorch_file,zip_archive,pickle_machine,pickle_input,pickle_stack,pickle_calls}.cpp
  engine/pytorch_file/{known_globals,state_dict,strided_view}.cpp
  data/{npy,idx,image_file,png_file,bmp_file,jpeg_file,image_folders}.cpp
  apps/cli/toml.cpp apps/run/{json_fields,run_folder}.cpp apps/training/position.cpp)
compiler=$(command -v ccache || true)\ clang++
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} sh -c \
  "$compiler"' "$@" -c "'"$root"'/{}" -o "'"$work"'/$(echo {} | tr / _).o"' sh "${flags[@]}"
# The parsers' files hold other functions as well, which no parser calls: what those need stays unresolved.
clang++ "${flags[@]}" -DKELVIN_FUZZ_PARSER="$parser" "$here/fuzz_target.cpp" "$work"/*.o -no-pie \
  -Wl,--unresolved-symbols=ignore-in-object-files -lz -lzip -ljpeg -lgomp -o "$work/fuzz"

mkdir "$work"/{large,found,new}
export ASAN_OPTIONS=quarantine_size_mb=32  # freed memory that is kept counts, too
"$here/large_seeds.py" "$parser" "$work/large"
fuzz() {
  "$work/fuzz" -dict="$here/depth.dict" -timeout=10 -malloc_limit_mb=128 -rss_limit_mb=1024 -artifact_prefix="$here/" \
    -print_final_stats=1 "$@"
}
fuzz -max_total_time=$((seconds / 3)) -max_len=1048576 "$work/large" "$corpus"
fuzz -max_total_time=$((seconds - seconds / 3)) -max_len=4096 "$work/found" "$corpus"

# What reaches code that the corpus does not; of many, every n-th, so that the corpus stays small.
cp "$corpus"/* "$work/new"
"$work/fuzz" -merge=1 -max_len=4096 "$work/new" "$work/found" 2> "$work/log" || { tail "$work/log" >&2; exit 1; }
mapfile -t new < <(comm -13 <(ls "$corpus") <(ls "$work/new"))
for ((i = 0; i < ${#new[@]}; i += 1 + ${#new[@]} / 16)); do cp "$work/new/${new[i]}" "$corpus"; done
