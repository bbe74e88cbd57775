#!/bin/sh
# Measurements of one run, interleaved, medians; writes build/bench/summary.json.
set -eu
cd "$(dirname "$0")/.." || exit 1
rounds=15
[ "${1:-}" != --quick ] || rounds=3
folder=build/bench/ledger
rm -rf "$folder"
mkdir -p "$folder"
build/release/bench/bench_core build/bench/summary.json "$folder" "$rounds"
rm -rf "$folder"
echo "Written to build/bench/summary.json"
