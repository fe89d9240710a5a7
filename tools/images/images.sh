#!/usr/bin/env bash
# Builds images into archives outside the checkout, one builder at a time on this machine.     images.sh [--load] [NAME…]
# Prints the archives' paths; what it does it tells on stderr. Names: tools/images/catalog.ts.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/articdbm/images"
export PATH="$here/../../node_modules/.bin:$PATH"
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
ARTICDBM_IMAGE_CACHE="$cache" node "$here/main.ts" "$@" 9>&-
