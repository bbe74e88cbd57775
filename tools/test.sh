#!/bin/sh
# Every test, counted. Called by ./dev test, which installed what is needed.
set -u
cd "$(dirname "$0")/.." || exit 1
results=build/test-results
quick=no
case ${1:-} in
--quick) quick=yes ;;
'') ;;
*)
    printf 'Usage: ./dev test [--quick]\n' >&2
    exit 2
    ;;
esac
rm -rf "$results"
mkdir -p "$results"
started=$(date +%s)

say()
{
    printf '[%3d s] %s\n' $(($(date +%s) - started)) "$*"
}

# A step that is not a test itself leaves NAME.ok or NAME.failed.
step()
{
    name=$1
    shift
    if "$@"; then
        : >"$results/$name.ok"
    else
        : >"$results/$name.failed"
        return 1
    fi
}

build()
{
    ./dev build "$1" >"build/$1.out" 2>&1 || {
        cat "build/$1.out" >&2
        return 1
    }
}

# unit PRESET JOBS: the C tests (unit, contract, corpus replay). Several wait more than they compute.
unit()
{
    rm -rf "build/$1/junit"
    mkdir -p "build/$1/junit"
    ctest --test-dir "build/$1" -j"$2" --output-on-failure --output-junit "$PWD/$results/$1.ctest.xml" \
        >"$results/$1.ctest.log" 2>&1 || sed -n '/FAILED\|Failed\|Error/p' "$results/$1.ctest.log" >&2
    mkdir -p "$results/$1.cmocka"
    cp "build/$1/junit/"*.xml "$results/$1.cmocka/" 2>/dev/null || true
}

# integration PRESET NAME PYTEST-OPTION …: programs against real servers. A test that hangs fails (420 s is many
# times what the longest takes, sanitizers and a busy machine included) and does not take the run with it.
integration()
{
    preset=$1
    name=$1$2
    shift 2
    ADBAD_BIN=$PWD/build/$preset/bin ADBAD_TOOLS=$PWD/build/$preset/tests /usr/bin/python3 -m pytest -q \
        -p no:cacheprovider --timeout=420 --junitxml="$results/$name.pytest.xml" "$@" tests/integration \
        >"$results/$name.pytest.log" 2>&1 || tail -n 60 "$results/$name.pytest.log" >&2
}

# What the tests of the page need from the npm registry, as tests/web/package-lock.json pins it; once.
web_packages()
{
    cmp -s tests/web/package-lock.json tests/web/node_modules/installed.json && return
    (cd tests/web && npm ci --ignore-scripts --no-audit --no-fund >../../build/npm.log 2>&1) || {
        cat build/npm.log >&2
        return 1
    }
    cp tests/web/package-lock.json tests/web/node_modules/installed.json
}

# The same seed gives the same bytes, whoever compiled it.
same_bytes()
{
    mkdir -p build/same
    for preset in dev clang asan-ubsan; do
        for kind in svg html; do
            build/$preset/bin/adbaclient fleet --clients 3000 --days 120 --hosts 2 --seed 11 --outage kms1:20d+9d \
                --outage dc:50d+3d --mix 'Windows 11 Enterprise=8,Office LTSC 2024 Professional Plus=2' \
                --chart build/same/$preset.$kind --json >build/same/$preset.json || return 1
            cmp build/same/dev.$kind build/same/$preset.$kind || return 1
        done
        cmp build/same/dev.json build/same/$preset.json || return 1
        build/$preset/bin/adbaclient scenario --trace --seed 11 tests/scenarios/*.scn >build/same/$preset.stories ||
            return 1
        cmp build/same/dev.stories build/same/$preset.stories || return 1
    done
}

# What waits for other machines more than for this one's processors.
with_machines()
{
    say 'integration tests with Samba domain controllers, and the demo beside them'
    integration dev -samba -m samba
    say 'the Debian package, on machines of its own'
    if step build-package ./dev package >build/package.out 2>&1; then
        integration dev -package -m package
    else
        cat build/package.out >&2
    fi
    say 'done with the machines'
}

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1

rm -f build/demo/summary-samba.json

say 'lint'
tools/lint.sh "$results"
say 'npm packages of the tests'
step web-packages web_packages
say 'build as it is installed'
step build-release build release
say 'build with gcc'
if step build-dev build dev; then
    say 'unit tests'
    unit dev 4
    say 'integration tests'
    here='not samba and not package'
    [ $quick = no ] || here="$here and not lengthy"
    integration dev '' -n 4 --dist loadgroup -m "$here"
fi
if [ $quick = no ]; then
    with_machines & # beside the builds
    machines=$!
    say 'build with clang'
    step build-clang build clang && {
        say 'unit tests (clang)'
        unit clang 2
    }
    say 'build with AddressSanitizer and UndefinedBehaviorSanitizer'
    step build-asan-ubsan build asan-ubsan && {
        say 'unit tests (ASan, UBSan)'
        unit asan-ubsan 2
    }
    say 'a fleet and the stories, by three builds'
    step same-bytes same_bytes
    say 'build with ThreadSanitizer'
    step build-tsan build tsan && {
        say 'unit tests (TSan)'
        unit tsan 2
    }
    wait "$machines"
    [ -f "$results/build-asan-ubsan.ok" ] && {
        say 'integration tests (ASan, UBSan)'
        integration asan-ubsan '' -n 4 --dist loadgroup -m 'not samba and not no_program and not uninstrumented'
    }
    [ -f "$results/build-tsan.ok" ] && {
        say 'daemon tests (TSan)'
        integration tsan '' -n 4 --dist loadgroup -m 'threads and not uninstrumented'
    }
fi
say 'demo'
./dev demo >"$results/demo.log" 2>&1 || tail -n 40 "$results/demo.log" >&2
cp build/demo/summary.json "$results/demo.json" 2>/dev/null || : >"$results/demo.failed"
if [ $quick = no ]; then
    # test_samba_wire.py ran it, with the network watched.
    cp build/demo/summary-samba.json "$results/demo-samba.json" 2>/dev/null || : >"$results/demo-samba.failed"
fi
say 'fidelity'
partial=
[ $quick = no ] || partial=--partial
# shellcheck disable=SC2086 # one option or none
step fidelity tools/fidelity.py --results "$results" $partial
say 'done'
exec /usr/bin/python3 tools/count.py "$results"
