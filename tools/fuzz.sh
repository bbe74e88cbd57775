#!/bin/sh
# tools/fuzz.sh SECONDS [--jobs N] [--keep] [TARGET …]: every fuzz target (or those named) for so long, starting
# from the corpus in the tree and what earlier runs left in build/fuzz/corpus. Findings are left in
# build/fuzz/findings and end with 1. --keep adds the inputs that reach new code to the corpus in the tree.
set -u
cd "$(dirname "$0")/.." || exit 1
found=build/fuzz/findings
seeds=tests/fuzz/corpus
new=build/fuzz/corpus
# What the tree keeps is small: nothing longer than this, and only what reaches code that nothing else reaches.
keep_len=2048
options='-timeout=25 -rss_limit_mb=2048'

usage()
{
    printf 'Usage: ./dev fuzz SECONDS [--jobs N] [--keep] [TARGET …]\n' >&2
    exit 2
}

# The number behind a word of libFuzzer's last line.
field()
{
    sed -n "s/.*DONE.*$2: \([0-9]*\).*/\1/p" "build/fuzz/$1.log" | tail -n 1
}

row()
{
    printf '%-22s %8s %14s %8s %8s %8s\n' "$@"
}

one()
{
    name=$1
    mkdir -p "$new/$name" "$seeds/$name"
    # shellcheck disable=SC2086
    "build/fuzz/fuzz/$name" -max_total_time="$2" -max_len=8192 $options -print_final_stats=1 \
        -artifact_prefix="$found/$name-" "$new/$name" "$seeds/$name" >"build/fuzz/$name.log" 2>&1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
    findings=$(find "$found" -name "$name-*" | wc -l)
    row "$name" "$2" "${runs:--}" "$(field "$name" cov)" "$(find "$new/$name" -type f | wc -l)" "$findings"
    [ "$findings" -eq 0 ]
}

# Copies into the tree those new inputs that reach code which the tree's do not reach.
keep()
{
    before=$(find "$seeds/$1" -type f | wc -l)
    # shellcheck disable=SC2086
    "build/fuzz/fuzz/$1" -merge=1 -use_counters=0 -max_len=$keep_len $options "$seeds/$1" "$new/$1" \
        >"build/fuzz/$1.merge.log" 2>&1 || return 1
    printf '%-22s %4d inputs in the tree, %d of them new\n' "$1" "$(find "$seeds/$1" -type f | wc -l)" \
        $(($(find "$seeds/$1" -type f | wc -l) - before))
}

case ${1:-} in
one)
    one "$2" "$3"
    exit
    ;;
'' | *[!0-9]*) usage ;;
esac
seconds=$1
shift
jobs=1
keep=no
targets=
while [ $# -gt 0 ]; do
    case $1 in
    --jobs)
        jobs=${2:-}
        shift
        ;;
    --keep) keep=yes ;;
    fuzz_*) targets="$targets $1" ;;
    *) usage ;;
    esac
    [ $# -eq 0 ] || shift
done
case $jobs in
'' | *[!0-9]*) usage ;;
esac
[ -n "$targets" ] || targets=$(find build/fuzz/fuzz -maxdepth 1 -name 'fuzz_*' -type f -printf '%f\n' | sort)
mkdir -p "$found"
row target seconds runs edges inputs findings
failed=0
# shellcheck disable=SC2086
printf '%s\n' $targets | xargs -P "$jobs" -I '{}' tools/fuzz.sh one '{}' "$seconds" || failed=1
[ $failed -eq 0 ] || printf 'FINDINGS: see build/fuzz/TARGET.log and %s\n' "$found"
if [ $keep = yes ]; then
    for name in $targets; do
        keep "$name" || failed=1
    done
fi
exit $failed
