#!/bin/sh
# Builds the Debian package of the working tree (what git knows or would add) into build/package.
set -eu
cd "$(dirname "$0")/.."
out=build/package
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
tree=$out/adbad-$version

rm -rf "$out"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c '
    for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | tar -c --null -T - -f - | tar -x -C "$tree" -f -
(cd "$tree" && dpkg-buildpackage --unsigned-source --unsigned-changes --build=full --jobs=auto)
rm -rf "$tree"
