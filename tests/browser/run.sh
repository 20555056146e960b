#!/usr/bin/env bash
# tests/browser/run.sh TEST.py: runs one file of tests in headless Chromium. Exit code 77, which ctest shows as skipped, and one line where a
# program or package is missing. KELVIN_PROGRAM names bin/kelvin.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

for program in chromium chromedriver; do
  if ! command -v "$program" >/dev/null; then
    echo "skipped: no $program (Debian: chromium, chromium-driver)"
    exit 77
  fi
done
# Debian's selenium belongs to Debian's python3, which need not be the first on PATH.
for python in python3 /usr/bin/python3; do
  if command -v "$python" >/dev/null && "$python" -c 'import selenium' 2>/dev/null; then
    exec "$python" -B "$here/$1"
  fi
done
echo "skipped: no selenium for python3 (Debian: python3-selenium)"
exit 77
