#!/usr/bin/env bash
# run.sh SCRIPT.js [PROGRAM]: runs the script under nodejs, with what the program prints as a file. Ends with 77, skipped, where there is no nodejs.
set -euo pipefail
node=$(command -v node || command -v nodejs) || { echo "skipped: no nodejs"; exit 77; }
if [ $# -gt 1 ]; then
  numbers=$(mktemp)
  trap 'rm -f "$numbers"' EXIT
  "$2" > "$numbers"
fi
"$node" "$1" ${numbers:+"$numbers"}
