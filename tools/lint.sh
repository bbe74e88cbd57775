#!/bin/sh
# Checks that need no build: format, arrows, scripts. Prints one line for each finding and ends with 1
# if there was any. With a folder as argument it also writes there one file per check: NAME.ok or
# NAME.failed.
set -u
cd "$(dirname "$0")/.." || exit 1
out=${1:-}
failed=0

# check NAME COMMAND...: the check passes if the command prints nothing.
check()
{
    name=$1
    shift
    findings=$("$@" 2>&1)
    if [ -n "$findings" ]; then
        printf 'lint %s:\n%s\n' "$name" "$findings" >&2
        failed=1
    fi
    [ -z "$out" ] || : >"$out/$name.$([ -n "$findings" ] && echo failed || echo ok)"
}

sources()
{
    git ls-files --cached --others --exclude-standard "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done
}

format()
{
    sources '*.c' '*.h' | xargs clang-format --dry-run --Werror 2>&1 | grep -E '(error|warning):' | cut -d: -f1 | sort | uniq -c
}

# Who may include what from outside (docs/architecture.md: only one room sees each library).
foreign_headers()
{
    grep -rnE '#include <(ldap|lber|sasl/|krb5|gssapi)' src --include='*.[ch]' | grep -vE '^src/(ldap|gss/[a-z]+\.[ch]:[0-9]+:#include <(gssapi|krb5\.h))'
    grep -rnE '#include <sqlite3' src --include='*.[ch]' | grep -v '^src/store/'
    grep -rnE '#include <microhttpd' src --include='*.[ch]' | grep -v '^src/web/'
    grep -rnE '#include <(uv|ares|sys/socket|netinet|arpa|netdb)' \
        src/base src/wire src/rpc src/catalog src/realm src/clearing src/kms src/members \
        src/adba src/store src/settings src/publish src/client src/fleet --include='*.[ch]' |
        grep -v '^src/base/passfd\.c:[0-9]*:#include <sys/socket' | # between our own processes
        grep -vE '^src/base/(address\.[ch]|cidr\.c):' # addresses as text and back
    grep -rnwE 'time\(NULL\)|gettimeofday|clock_gettime|getrandom|RAND_bytes' src --include='*.[ch]' |
        grep -vE '^src/(base|daemon|cli|ldap|lab)/'
}

# Which rooms a room may include; the same arrows as in the CMakeLists.txt files.
arrows()
{
    while read -r room may; do
        [ -d "src/$room" ] || continue
        grep -rnoE '#include "[a-z]+/' "src/$room" --include='*.[ch]' |
            while IFS= read -r line; do
                target=${line##*\"}
                target=${target%/}
                case " $room $may " in
                *" $target "*) ;;
                *) printf '%s: %s may not look into %s\n' "${line%%:#*}" "$room" "$target" ;;
                esac
            done
    done <tools/arrows.txt
}

long_functions()
{
    sources 'src/*.c' | xargs awk '
        FNR == 1 { start = 0 }
        /^[a-zA-Z_].*\(/ && !/;[ \t]*$/ { name = $0; line = FNR }
        /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start > 80) printf "%s:%d: %d lines: %s\n", FILENAME, line, FNR - start, name; start = 0 }'
}

markers()
{
    sources 'src/*' 'tests/*' 'tools/*' 'docs/*' dev README.md | grep -vE "^(tools/lint.sh|tests/support/lab.py)$" |
        xargs grep -nE 'TODO|FIXME|\bXXX\b[^-]|pytest\.mark\.skip|pytest\.skip|[^a-z]skip\(\)|time\.sleep' /dev/null
}

shell()
{
    sources dev .ci/run 'tools/*.sh' 'tests/*.sh' | xargs shellcheck -x -S warning
}

check format format
check foreign-headers foreign_headers
check arrows arrows
check long-functions long_functions
check markers markers
check shell shell
exit $failed
