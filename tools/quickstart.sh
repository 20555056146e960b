#!/usr/bin/env bash
# From a fresh machine to the temperature experiment: installs what is missing, builds for this machine alone, runs `kelvin quickstart`.
# Flags go to it: tools/quickstart.sh --epochs 1. What the run writes is left in the folder it was called from.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
"$tools/setup.sh"
build_dir=$(KELVIN_QUICK=1 "$tools/build.sh" kelvin)
exec "$build_dir/bin/kelvin" quickstart "$@"
