#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. Flags go to ctest: tools/test.sh -R pgd
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
"$tools/setup.sh"
build_dir=$("$tools/build.sh")
# Threads that wait must sleep: several tests share the cores.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
exec ctest --test-dir "$build_dir" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
