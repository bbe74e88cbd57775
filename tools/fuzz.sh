#!/bin/sh
# tools/fuzz.sh SECONDS: every fuzz target for so long, starting from the corpus in the tree.
# New inputs go to build/fuzz/corpus; a finding is left in build/fuzz/findings and ends with 1.
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-60}
failed=0
mkdir -p build/fuzz/findings
for target in build/fuzz/fuzz/fuzz_*; do
    [ -x "$target" ] || continue
    name=$(basename "$target")
    mkdir -p "build/fuzz/corpus/$name"
    printf '%-24s ' "$name"
    if "$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/findings/$name-" "build/fuzz/corpus/$name" \
        "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1; then
        sed -n 's/^stat::number_of_executed_units: */no finding, inputs tried: /p' "build/fuzz/$name.log"
    else
        printf 'FINDING: see build/fuzz/%s.log and build/fuzz/findings\n' "$name"
        failed=1
    fi
done
exit $failed
