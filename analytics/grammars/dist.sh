#!/bin/sh
# Puts the C sources of the grammars into a release archive, with their licences: dist.sh FROM
set -eu
for package in tree-sitter-html tree-sitter-css tree-sitter-javascript tree-sitter-typescript; do
    to="$MESON_DIST_ROOT/analytics/grammars/sources/$package"
    mkdir -p "$to"
    cd "$1/$package"
    find . \( -path '*/bindings' -o -path '*/node_modules' -o -path '*/prebuilds' \) -prune \
        -o \( -name '*.[ch]' -o -name LICENSE \) -print0 | xargs -0 cp --parents -t "$to"
done
