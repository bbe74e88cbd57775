#!/bin/sh
# Measurements of one run, interleaved, medians; bench.sh [core|host|relay|http|endurance|directory] [--quick]. Each
# writes its own summary below build/bench; without a name all run. bench.sh profile [POINT]: where the
# time goes under one of host's loads, or a gateway's under relay's (relayed_N); bench.sh login: what Kerberos takes.
set -eu
cd "$(dirname "$0")/.." || exit 1

quick=no
which=all
point=persistent_256
for word in "$@"; do
    case $word in
    --quick) quick=yes ;;
    core | host | relay | http | endurance | directory | login | profile) which=$word ;;
    persistent_* | fresh_* | relayed_*) point=$word ;;
    *)
        printf 'bench: no measurement "%s"; there are: core, host, relay, http, endurance, directory, login, profile\n' "$word" >&2
        exit 2
        ;;
    esac
done

# rounds FULL QUICK
rounds()
{
    if [ $quick = yes ]; then echo "$2"; else echo "$1"; fi
}

core()
{
    folder=build/bench/ledger
    rm -rf "$folder"
    mkdir -p "$folder"
    build/release/bench/bench_core build/bench/core.json "$folder" "$(rounds 15 3)"
    rm -rf "$folder"
    echo "Written to build/bench/core.json"
}

# measured SUMMARY COMMAND …: the command writes its summary there, also when it misses a target.
measured()
{
    summary=$1
    shift
    mkdir -p build/bench
    rm -f "$summary"
    status=0
    /usr/bin/python3 "$@" --out "$summary" || status=$?
    [ ! -f "$summary" ] || echo "Written to $summary"
    return $status
}

host()
{
    measured build/bench/summary.json tests/bench/host.py --bin build/release/bin --tools build/release/bench \
        --folder build/bench/host --rounds "$(rounds 9 4)" --seconds "$(rounds 1 0.5)"
}

relay()
{
    measured build/bench/relay.json tests/bench/relay.py --bin build/release/bin --tools build/release/bench \
        --folder build/bench/relay --rounds "$(rounds 9 3)" --seconds "$(rounds 1 0.25)"
}

login()
{
    mkdir -p build/bench
    build/dev/bench/bench_login build/bench/login.json "$(rounds 20000 2000)"
    echo "Written to build/bench/login.json"
}

http()
{
    measured build/bench/http.json tests/bench/slow_http.py --bin build/release/bin --folder build/bench/http \
        --rounds "$(rounds 15 5)"
}

profile()
{
    mkdir -p build/bench
    /usr/bin/python3 tests/bench/profile.py --bin build/profile/bin --tools build/profile/bench \
        --folder build/bench/profile --point "$point"
    echo "perf's samples are in build/bench/profile.perf"
}

endurance()
{
    build/release/bench/bench_endurance "$(rounds 100000 7000)"
}

directory()
{
    measured build/bench/directory.json tests/bench/directory.py --bin build/release/bin \
        --program build/release/bench/bench_directory --rounds "$(rounds 9 3)"
}

failed=0
if [ $which = profile ]; then
    profile
    exit
fi
if [ $which = login ]; then
    login
    exit
fi
for one in core host relay http endurance directory; do
    [ $which = all ] || [ $which = $one ] || continue
    $one || failed=1
done
exit $failed
