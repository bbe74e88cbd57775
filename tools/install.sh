# shellcheck shell=sh
# install_packages GROUP...: installs what is missing of those groups in tools/packages.txt.
# Tells what it will do first, asks nothing, and leaves no service running or enabled that a
# package would have started by itself.

# Names that installed packages stand in for: npm comes with some builds of nodejs.
provided()
{
    dpkg-query -W -f='${db:Status-Abbrev} ${Provides}\n' | sed -n 's/^ii *//p' | tr -d ' ' | tr ',' '\n' | sed 's/(.*//'
}

install_missing()
{
    stand_ins=" $(provided | tr '\n' ' ') "
    for group in "$@"; do
        sed -n "s/^$group  *//p" tools/packages.txt
    done | while read -r name; do
        case $stand_ins in
        *" $name "*) continue ;;
        esac
        case $(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null) in
        ii*) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Debian starts a freshly installed daemon unless this file says no (invoke-rc.d, status 101).
forbid_service_start()
{
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
    our_policy=yes
}

allow_service_start()
{
    [ "$our_policy" = yes ] && as_root rm -f /usr/sbin/policy-rc.d
    our_policy=no
}

# Only services that came with a package which we installed just now.
disable_services()
{
    for name in "$@"; do
        case $name in
        slapd | prometheus) services=$name ;;
        samba* | winbind) services='smbd nmbd winbind samba-ad-dc' ;;
        *) continue ;;
        esac
        for service in $services; do
            as_root systemctl disable --now "$service" >/dev/null 2>&1 || true
            as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
        done
    done
}

install_packages()
{
    missing=$(install_missing "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        printf 'dev: these Debian packages are needed, and there is no apt-get here: %s\n' "$missing" >&2
        return 1
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
        printf 'dev: run once as root (or install sudo) to install: %s\n' "$missing" >&2
        return 1
    fi
    printf 'Installing Debian packages: %s\n' "$missing"
    printf '(they are listed in tools/packages.txt; no service of theirs is started or enabled)\n'
    our_policy=no
    forbid_service_start
    status=0
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of words
    {
        printf 'slapd slapd/no_configuration boolean true\n' | as_root debconf-set-selections &&
            as_root apt-get -qq update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
                install $missing
    } >"$log" 2>&1 </dev/null || status=$?
    # shellcheck disable=SC2086
    disable_services $missing
    allow_service_start
    if [ $status -ne 0 ]; then
        tail -n 30 "$log" >&2
        printf 'dev: installing packages failed (status %s)\n' "$status" >&2
    fi
    rm -f "$log"
    return $status
}
